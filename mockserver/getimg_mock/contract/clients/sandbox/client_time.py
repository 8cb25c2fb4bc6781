"""The client's time, in our hands: while it is, the client's waiting moves a clock instead.

`time.sleep`, `time.monotonic` and their like, also where a module has borrowed them by name,
`threading.Event.wait` and asyncio's loop obey one clock. `datetime.now()` does not.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import threading
import time  # noqa: TID251 - the client's view of it is what is replaced here
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.virtual_time.time_aliases import borrowings, held
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

START: Final = datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)
"""When every case begins: in the middle of a day and of a rate window."""

WATCHER_THREAD_NAME: Final = "getimg-mock watches"
"""What threads of ours are called that do nothing but watch."""

_EPOCH: Final = START.timestamp()
_GRACE: Final = 0.002
_STUCK_SECONDS: Final = 5.0
_TICK: Final = 1e-6


class Abandoned(BaseException):
    """The client did not come back within the time, or the requests, that a case allows."""


class ClientTime:
    """One case's time. `limit` is how many seconds a client may take for all of it.

    `interrupt_at` raises KeyboardInterrupt in a waiting client; `wall_jumps` are (moment, seconds)
    by which the wall clock, but no other, is wrong from that moment on.
    """

    def __init__(
        self,
        *,
        limit: float = 6 * 3600,
        interrupt_at: float | None = None,
        wall_jumps: tuple[tuple[float, float], ...] = (),
    ) -> None:
        self.clock = VirtualClock(start=START, rate=0, autojump=True)
        self.limit = limit
        self.interrupt_at = interrupt_at
        self.wall_jumps = wall_jumps
        self.lifted = False
        self.participants = 1
        self.at_work = 0
        """How many pieces of work the threads of an event loop have."""
        self._waiting: list[float] = []
        self._turn = threading.Condition()

    def seconds(self) -> float:
        """Return how many seconds of the case have passed."""
        return (self.clock.now() - START).total_seconds()

    def wall(self) -> float:
        """Return what the client's wall clock says, as Unix seconds."""
        now = self.seconds()
        return _EPOCH + now + sum(jump for at, jump in self.wall_jumps if now >= at)

    def advance(self, seconds: float) -> None:
        """Let time pass for all; raises `Abandoned` when that is more than the case allows."""
        until = self.seconds() + max(seconds, 0.0)
        stop = self.interrupt_at
        if stop is not None and until >= stop:
            self.interrupt_at = None
            self._advance_to(max(stop, self.seconds()))
            raise KeyboardInterrupt
        if until > self.limit and not self.lifted:
            self._advance_to(self.limit)
            raise Abandoned(f"still busy after {self.limit:g} s")
        self._advance_to(until)

    def sleep(self, seconds: float) -> None:
        """Wait as `time.sleep` does; of several threads, the one that is due first goes on."""
        if self.participants <= 1:
            self.advance(seconds)
            return
        with self._turn:
            due = self.seconds() + max(seconds, 0.0)
            self._waiting.append(due)
            try:
                while self.seconds() < due - _TICK:
                    ahead = min(self._waiting) - self.seconds()
                    idle = len(self._waiting) >= self.participants and ahead > _TICK
                    # Who is due already, and has not woken yet, goes first.
                    if idle or (not self._turn.wait(0.2) and ahead > _TICK):
                        self.advance(min(self._waiting) - self.seconds() + _TICK)
                        self._turn.notify_all()
            finally:
                self._waiting.remove(due)

    def leave(self) -> None:
        """Say that one of several threads is done."""
        with self._turn:
            self.participants = max(1, self.participants - 1)
            self._turn.notify_all()

    def _advance_to(self, seconds: float) -> None:
        self.clock.advance_to(START + timedelta(seconds=seconds))

    @contextmanager
    def patch_process(self) -> Iterator[None]:
        """Put the process's `time` and `threading.Event.wait` under this clock."""
        event_wait = threading.Event.wait

        def waited(event: threading.Event, timeout: float | None = None) -> bool:
            if timeout is None or event.is_set():
                return event_wait(event, timeout)
            self.sleep(timeout)
            return event.is_set()

        changes: dict[str, Callable[..., Any]] = {
            "sleep": self.sleep,
            "time": self.wall,
            "time_ns": lambda: int(self.wall() * 1e9),
            "monotonic": self.seconds,
            "monotonic_ns": lambda: int(self.seconds() * 1e9),
            "perf_counter": partial(self.seconds),  # another object: each is put back by name
            "perf_counter_ns": lambda: int(self.seconds() * 1e9),
        }
        with _patch_time_functions(changes):
            threading.Event.wait = waited  # type: ignore[method-assign, assignment]
            try:
                yield
            finally:
                threading.Event.wait = event_wait  # type: ignore[method-assign]

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in a loop whose waiting moves this clock."""
        loop = _Loop(self)
        try:
            task = loop.create_task(coroutine)
            if self.interrupt_at is not None:
                loop.call_at(self.interrupt_at, task.cancel)
                self.interrupt_at = None
            return loop.run_until_complete(task)
        finally:
            self._end(loop)

    def _end(self, loop: _Loop) -> None:
        self.lifted = True
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        # A thread that is left behind would have every later loop wait for it in real time.
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        self.lifted = False


@contextmanager
def _patch_time_functions(changes: dict[str, Callable[..., Any]]) -> Iterator[None]:
    """Replace functions of `time`, in the modules, too, that have borrowed them."""
    before = {name: getattr(time, name) for name in changes}
    places = [(time, name, name) for name in changes]
    places += [each for each in borrowings() if getattr(each[0], each[1], None) is before[each[2]]]
    known = set(sys.modules)
    for module, attribute, name in places:
        setattr(module, attribute, changes[name])
    try:
        yield
    finally:
        for module, attribute, name in places:
            setattr(module, attribute, before[name])
        # A module that was imported meanwhile has borrowed what was there in place of them.
        lent = {function: name for name, function in changes.items()}
        for place in set(sys.modules) - known:
            for attribute, name in held(place, lent):
                setattr(sys.modules[place], attribute, before[name])


class _Selector(selectors.DefaultSelector):  # chosen by platform
    """Waits for nothing: when no descriptor is ready, the clock moves to the next timer."""

    governed: ClientTime

    def select(self, timeout: float | None = None) -> Any:
        busy = self.governed.at_work > 0 or _count_other_threads() > 0
        if timeout is None:
            ready = super().select(_STUCK_SECONDS)
            if not ready:
                raise Abandoned("waits for something that will never happen")
            return ready
        ready = super().select(_GRACE if busy and timeout > 0 else 0)
        if not ready and timeout > 0:
            self.governed.advance(timeout + _TICK)
        return ready


def _count_other_threads() -> int:
    """Return how many threads there are that may have work, beside this one.

    Those of a loop wait for some when they have none, and ours only watch.
    """
    named = (each.name for each in threading.enumerate())
    return sum(not name.startswith(("asyncio_", WATCHER_THREAD_NAME)) for name in named) - 1


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, governed: ClientTime) -> None:
        self._governed = governed
        selector = _Selector()
        selector.governed = governed
        super().__init__(selector)

    def time(self) -> float:
        return self._governed.seconds()

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        self._governed.at_work += 1
        work = super().run_in_executor(executor, func, *args)
        work.add_done_callback(self._finish_work)
        return work

    def _finish_work(self, _: object) -> None:
        self._governed.at_work -= 1
