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
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import anyio

from getimg_mock.isolation.thread_names import SERVER_THREAD, STORE_WATCHER_THREAD
from getimg_mock.virtual_time.binding import TimeBinding
from getimg_mock.virtual_time.sleepers import POLL
from getimg_mock.virtual_time.thread_activity import ThreadMonitor
from getimg_mock.world.clock import VirtualClock, pause, stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from getimg_mock.virtual_time.policy import IdleLoop

START: Final = datetime(2026, 9, 1, 12, 0, 30, tzinfo=UTC)
"""When every case begins: in the middle of a day and of a rate window."""

WATCHER_THREAD_NAME: Final = "getimg-mock watches"
"""The name of threads that only watch a case and do no work of it."""
_SERVER_THREADS: Final = frozenset({SERVER_THREAD, STORE_WATCHER_THREAD})
"""A fixture of pytest may serve the fake in the same process: it does nothing for the client."""

_EPOCH: Final = START.timestamp()
_GRACE: Final = 0.002
_STUCK_SECONDS: Final = 5.0
_LOOK: Final = 0.05
"""How long an event loop without a timer waits for input before it is asked who is at work."""
_TICK: Final = 1e-6
_SHORT: Final = 1.0
_BRIEF: Final = 0.05
"""So long may a wait hold up an event loop: what is shorter is no wait of a client's."""
_MAX_TICKS: Final = 100
"""After so many short waits in a row, a thread only ticks: others do not wait for it."""


class Abandoned(BaseException):
    """The client did not come back within the time, or the requests, that a case allows."""


class StuckError(Abandoned):
    """The client waits, and nothing is left that could end its waiting."""

    def __str__(self) -> str:
        """Say so."""
        return "waits for something that will never happen"


class ClientTime:
    """One case's time. `limit` is how many seconds a client may take for all of it.

    `interrupt_at` raises KeyboardInterrupt in a waiting client, or cancels its task; with
    `by_scope`, a cancel scope of anyio around the task does. `wall_jumps` are (moment, seconds)
    by which the wall clock, but no other, is wrong from that moment on.
    """

    def __init__(
        self,
        *,
        limit: float = 6 * 3600,
        interrupt_at: float | None = None,
        by_scope: bool = False,
        wall_jumps: tuple[tuple[float, float], ...] = (),
    ) -> None:
        self.clock = VirtualClock(start=START, rate=0, autojump=True)
        self.limit = limit
        self.interrupt_at = interrupt_at
        self.by_scope = by_scope
        self.wall_jumps = wall_jumps
        self.lifted = False
        self.stuck = False
        """Whether the client waits for what never comes; it makes no further call of the case."""
        self.stuck_after = 1.0
        """After how many real seconds in which nothing is at work a client counts as stuck."""
        self.blocked = 0.0
        """For how long the client has waited in the thread of a running event loop, blocking it."""
        self.participants = 1
        self._waiting: list[tuple[float, Callable[[float], bool]]] = []
        self._turn = threading.Condition()
        self._thread = threading.current_thread()
        self._activity = ThreadMonitor()
        self._others = ThreadMonitor()
        self._helpers: dict[threading.Thread, float] = {}
        self._monitors: WeakKeyDictionary[threading.Thread, ThreadMonitor] = WeakKeyDictionary()
        self._ticks: dict[threading.Thread, int] = {}
        self._binding = TimeBinding(self, event_wait=self.wait_for_event)

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

    def is_quiet(self) -> bool:
        """Return whether no other thread works, or waits for the clock: then nothing will come."""
        waiting = bool(self._helpers or self._waiting)
        return not waiting and self._others.is_quiet(self._list_workers())

    def pass_between_calls(self, seconds: float) -> None:
        """Let time pass in which no call is made: an interruption that is due has none to end."""
        if self.interrupt_at is not None and self.seconds() + seconds >= self.interrupt_at:
            self.interrupt_at = None
        self.advance(seconds)

    def sleep(self, seconds: float) -> None:
        """Wait as `time.sleep` does; of several threads, the one that is due first goes on."""
        self._note_blocking(seconds)
        if self.participants <= 1:
            self._wait(seconds, _pause)
        else:
            self._wait_beside_others(seconds, _never)

    def wait_for_event(self, seconds: float, rest: Callable[[float], bool]) -> bool:
        """Wait until `rest`, which waits so many real seconds, returns True, or for `seconds`."""
        if self.participants <= 1:
            self._note_blocking(seconds)
            return self._wait(seconds, rest)
        return self._wait_beside_others(seconds, rest)

    def _wait_beside_others(self, seconds: float, rest: Callable[[float], bool]) -> bool:
        """Wait as one of several threads, until `rest` returns True or for seconds of the clock."""
        with self._turn:
            due = self.seconds() + max(seconds, 0.0)
            mine = (due, rest)
            self._waiting.append(mine)
            try:
                while self.seconds() < due - _TICK and not rest(0):
                    ahead = self._find_next() - self.seconds()
                    # A thread that is due already, or was woken by another one, goes first.
                    woken = any(ended(0) for _, ended in self._waiting)
                    idle = len(self._waiting) >= self.participants and ahead > _TICK and not woken
                    if woken:
                        self._turn.notify_all()
                    if idle or (not self._turn.wait(0.2) and ahead > _TICK):
                        self.advance(self._find_next() - self.seconds() + _TICK)
                        self._turn.notify_all()
            finally:
                self._waiting.remove(mine)
        return rest(0)

    def _find_next(self) -> float:
        """Return when the first of several waiting threads is due."""
        return min(due for due, _ in self._waiting)

    def _note_blocking(self, seconds: float) -> None:
        own = threading.current_thread() is self._thread
        if own and seconds > _BRIEF and asyncio._get_running_loop() is not None:  # noqa: SLF001 - the public one raises
            self.blocked += seconds

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
            return self._wait_for_input(loop)
        if loop.jobs > 0 or _count_other_threads() > 0:
            return self._let_others_work(loop.timeout + _TICK, loop.poll)
        self.advance(loop.timeout + _TICK)
        return []

    def _wait_for_input(self, loop: IdleLoop) -> Any:
        """Return the events of a loop that has no timer; raises `Abandoned` where none can come."""
        began = still = stopwatch()
        while not (events := loop.poll(_LOOK)):
            now = stopwatch()
            if self._helpers or not self._others.is_quiet(self._list_workers()):
                still = now
            if now - still >= self.stuck_after or now - began >= _STUCK_SECONDS:
                self.stuck = True
                raise StuckError
        return events

    @contextmanager
    def patch_process(self) -> Iterator[None]:
        """Bind the time of the process to this clock; the calling thread runs the case."""
        self._thread = threading.current_thread()
        self._binding = TimeBinding(self, event_wait=self.wait_for_event)
        self._binding.start()
        try:
            yield
        finally:
            self._binding.stop()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in a loop of asyncio, whatever kind of loop is the default."""
        loop = asyncio.SelectorEventLoop()
        try:
            if self.interrupt_at is not None and self.by_scope:
                coroutine, self.interrupt_at = _run_in_scope(coroutine, self.interrupt_at), None
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
        # One that swallows its cancellation, and waits on, has no claim to an end.
        with suppress(StuckError):
            if left:
                loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
            # A thread that is left behind would have every later loop wait for it in real time.
            loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
        self.lifted = False

    def _wait(self, seconds: float, rest: Callable[[float], bool]) -> bool:
        """Wait until `rest` returns True, or for seconds of the clock; one of them at least."""
        if threading.current_thread() is not self._thread:
            return self._help(seconds, rest)
        if self._list_workers() or self._helpers:
            return bool(self._let_others_work(max(seconds, 0.0), rest)) or rest(0)
        self.advance(seconds)
        return rest(0)

    def _let_others_work(self, seconds: float, poll: Callable[[float], Any]) -> Any:
        """Return the first events of the case's thread, or none after `seconds` of the clock.

        The clock moves once no other thread is at work, and only to the moment at which one wakes:
        a job in another thread may end what a timer of the case's thread limits.
        """
        due, stuck = self.seconds() + seconds, stopwatch() + _STUCK_SECONDS
        while True:
            events = poll(_GRACE)
            if events:
                return events
            if stopwatch() < stuck and not self._others.is_quiet(self._list_workers()):
                continue
            earlier = [each for each in self._list_alarms() if self.seconds() < each < due]
            self.advance(min([due, *earlier]) - self.seconds())
            if not earlier:
                return events
            stuck = stopwatch() + _STUCK_SECONDS

    def _help(self, seconds: float, rest: Callable[[float], bool]) -> bool:
        """Wait in a thread other than the case's; the clock moves while that one waits, too.

        So a thread that does something every now and then does not use up the time of the case.
        """
        me = threading.current_thread()
        # What it saw before counts: one that rests in C code is waited for once, not each time.
        monitor = self._monitors.setdefault(me, ThreadMonitor())
        monitor.forget_uncertain()
        due = self.seconds() + max(seconds, 0.0)
        self._helpers[me] = due
        try:
            while self.seconds() < due - _TICK and self._binding.is_bound():
                # Many threads that look as often as one would leave no time for the others.
                if rest(POLL * len(self._helpers)):
                    return True
                first = due <= min(self._list_alarms(), default=due)
                if first and monitor.is_quiet([self._thread, *self._list_workers()]):
                    self.advance(due - self.seconds())
        finally:
            del self._helpers[me]
            self._ticks[me] = self._ticks.get(me, 0) + 1 if seconds <= _SHORT else 0
        if not self._binding.is_bound():
            # A client has left this thread behind: in real time, it would reach a real network.
            raise SystemExit
        return rest(0)

    def _list_alarms(self) -> list[float]:
        """Return when helping threads wake; those that only tick are woken late, if need be."""
        return [
            due
            for thread, due in tuple(self._helpers.items())
            if self._ticks.get(thread, 0) < _MAX_TICKS
        ]

    def _list_workers(self) -> list[threading.Thread]:
        """Return the threads other than the case's, and this one, that may be at work."""
        resting = {each for each, due in tuple(self._helpers.items()) if due > self.seconds()}
        spared = {self._thread, threading.current_thread(), *resting}
        return [
            each for each in threading.enumerate() if each not in spared and not _is_own(each.name)
        ]

    def _wait_in_background(self, loop: IdleLoop) -> Any:
        """Wait in real time until the case's thread waits, too; only then move the clock.

        So a loop that does something every now and then does not use up the time of the case.
        """
        if loop.timeout is None:
            return loop.poll(None)
        me, due = threading.current_thread(), self.seconds() + loop.timeout + _TICK
        self._helpers[me] = due
        try:
            while self._binding.is_bound() and self.seconds() < due:
                events = loop.poll(POLL)
                if events:
                    return events
                first = due <= min(self._list_alarms(), default=due)
                if first and self._activity.is_quiet([self._thread]):
                    self.advance(due - self.seconds())
        finally:
            del self._helpers[me]
        return []

    def _advance_to(self, seconds: float) -> None:
        before = self.clock.now()
        passed = self.clock.advance_to(START + timedelta(seconds=seconds)) - before
        self._binding.shift_dates(passed // timedelta(microseconds=1))


async def _run_in_scope(coroutine: Coroutine[Any, Any, Any], until: float) -> None:
    """Run a coroutine in a scope that is cancelled at a moment, as callers that use anyio do."""
    with anyio.CancelScope() as scope:
        asyncio.get_running_loop().call_at(until, scope.cancel)
        await coroutine


def _never(_: float) -> bool:
    return False


def _pause(seconds: float) -> bool:
    if seconds > 0:
        pause(seconds)
    return False


def _count_other_threads() -> int:
    """Return how many other threads there are that may have work.

    Those of a loop wait when they have none, and watchers have none.
    """
    named = (each.name for each in threading.enumerate())
    return sum(not (name.startswith("asyncio_") or _is_own(name)) for name in named) - 1


def _is_own(name: str) -> bool:
    """Return whether a thread is a watcher of a case, or one of a server that runs beside it."""
    return name.startswith(WATCHER_THREAD_NAME) or name in _SERVER_THREADS
