"""The time of a client during a case: its waiting moves the clock of the case.

Bound to that clock are `time.sleep`, `time.time`, `time.monotonic`, `time.perf_counter` and their
`_ns` twins, also where a module has imported them by name; timeouts of `threading.Event.wait`; the
loops of asyncio, the client's own included; and `datetime.now()` where time-machine is installed.
The last one is bound for all threads of the process while a case runs.

Not bound are `Condition.wait`, `Queue.get` and `Future.result` with a timeout, trio, uvloop, and
libraries in C with clocks of their own: a client that waits there runs into the limit on real time.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.virtual_time.binding import TimeBinding
from getimg_mock.virtual_time.sleepers import POLL
from getimg_mock.virtual_time.thread_activity import ThreadMonitor
from getimg_mock.world.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from getimg_mock.virtual_time.policy import IdleLoop

START: Final = datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)
"""When every case begins: in the middle of a day and of a rate window."""

WATCHER_THREAD_NAME: Final = "getimg-mock watches"
"""The name of threads that only watch a case and do no work of it."""

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
        self._waiting: list[float] = []
        self._turn = threading.Condition()
        self._thread = threading.current_thread()
        self._activity = ThreadMonitor()
        self._binding = TimeBinding(self, event_wait=True)

    def seconds(self) -> float:
        """Return how many seconds of the case have passed."""
        return (self.clock.now() - START).total_seconds()

    def time(self) -> float:
        """Return the time of the client's wall clock in Unix seconds."""
        now = self.seconds()
        return _EPOCH + now + sum(jump for at, jump in self.wall_jumps if now >= at)

    def monotonic(self) -> float:
        """Return what `time.monotonic` returns: the seconds of the case."""
        return self.seconds()

    def perf_counter(self) -> float:
        """Return what `time.perf_counter` returns: the seconds of the case."""
        return self.seconds()

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
                    # A thread that is due already, and has not woken yet, goes first.
                    if idle or (not self._turn.wait(0.2) and ahead > _TICK):
                        self.advance(min(self._waiting) - self.seconds() + _TICK)
                        self._turn.notify_all()
            finally:
                self._waiting.remove(due)

    def leave(self) -> None:
        """Note that one of several threads is done."""
        with self._turn:
            self.participants = max(1, self.participants - 1)
            self._turn.notify_all()

    def wait_for_events(self, loop: IdleLoop) -> Any:
        """Return the events of an idle loop, or none after the clock has moved to its next timer.

        Raises `Abandoned` for a loop in the case's own thread that has no timer and gets no input.
        """
        if threading.current_thread() is not self._thread:
            return self._wait_in_background(loop)
        if loop.timeout is None:
            events = loop.poll(_STUCK_SECONDS)
            if not events:
                raise Abandoned("waits for something that will never happen")
            return events
        busy = loop.jobs > 0 or _count_other_threads() > 0
        events = loop.poll(_GRACE) if busy else []
        if not events:
            self.advance(loop.timeout + _TICK)
        return events

    @contextmanager
    def patch_process(self) -> Iterator[None]:
        """Bind the time of the process to this clock; the calling thread runs the case."""
        self._thread = threading.current_thread()
        self._binding = TimeBinding(self, event_wait=True)
        self._binding.start()
        try:
            yield
        finally:
            self._binding.stop()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in a loop of asyncio, whatever kind of loop is the default."""
        loop = asyncio.SelectorEventLoop()
        try:
            task = loop.create_task(coroutine)
            if self.interrupt_at is not None:
                loop.call_at(self.interrupt_at, task.cancel)
                self.interrupt_at = None
            return loop.run_until_complete(task)
        finally:
            self._end(loop)

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
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

    def _wait_in_background(self, loop: IdleLoop) -> Any:
        """Wait in real time until the case's thread waits, too; only then move the clock.

        So a loop that does something every now and then does not use up the time of the case.
        """
        if loop.timeout is None:
            return loop.poll(None)
        while self._binding.is_bound() and not self._activity.is_quiet([self._thread]):
            events = loop.poll(POLL)
            if events:
                return events
        if self._binding.is_bound():
            self.advance(loop.timeout + _TICK)
        return []

    def _advance_to(self, seconds: float) -> None:
        before = self.clock.now()
        passed = self.clock.advance_to(START + timedelta(seconds=seconds)) - before
        self._binding.shift_dates(passed // timedelta(microseconds=1))


def _count_other_threads() -> int:
    """Return how many other threads there are that may have work.

    Those of a loop wait when they have none, and watchers have none.
    """
    named = (each.name for each in threading.enumerate())
    return sum(not name.startswith(("asyncio_", WATCHER_THREAD_NAME)) for name in named) - 1
