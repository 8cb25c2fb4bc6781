"""The time of a test bound to the clock of a workspace: sleeping moves the clock.

Bound are `time.sleep`, `time.time`, `time.monotonic`, `time.perf_counter` and their `_ns` twins,
also where they were imported by name; the timers of asyncio's event loops and of trio, and with
them `asyncio.sleep`, `anyio.sleep`, `trio.sleep` and every timeout; and `datetime.now()` where
time-machine is installed. Bound is the thread that links time, and those that are started later.
"""

from __future__ import annotations

import math
import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from getimg_mock.errors import GetimgMockError
from getimg_mock.virtual_time.binding import TimeBinding
from getimg_mock.virtual_time.event_loops import require_linkable_loop
from getimg_mock.virtual_time.outside_threads import OutsideThreads
from getimg_mock.virtual_time.real_work import PATIENCE, RealWork
from getimg_mock.virtual_time.sleepers import Sleepers
from getimg_mock.virtual_time.thread_activity import NO_INPUT_SECONDS
from getimg_mock.virtual_time.time_aliases import RealTimeCallers
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from getimg_mock.virtual_time.policy import IdleLoop

# Finer than this many microseconds is the error of floating-point seconds, not a request.
_NOISE: Final = 0.001
# Seconds that each wait took longer than asked, as each real one does: the difference of two
# readings, as numbers with a rounding error, must not be less than what was waited for.
_OVERSHOT: Final = 1e-9


class TimeLinkError(GetimgMockError):
    """The test's time cannot be bound to a clock; the text says why and what would work."""


class MovableClock(Protocol):
    """A clock that can be read and moved."""

    def now(self) -> datetime:
        """Return the time."""

    def advance_to(self, moment: datetime) -> object:
        """Move forward to a moment."""


class ClockSource(Protocol):
    """Where the clock is found to which time is bound: a reset replaces it."""

    @property
    def clock(self) -> MovableClock:
        """The present clock."""


class Link:
    """Binds the test's time to a clock, from `start()` to `stop()` or as a context manager.

    `jumps` counts how often sleeping has moved the clock, `slept` is by how many seconds.
    `at_work` tells whether something outside of this process's threads is about to act.
    While something real is under way, the clock does not jump for `patience` real seconds; it then
    runs no faster than real time. Connections to `own_ports` are left to `at_work`.
    """

    def __init__(
        self,
        source: ClockSource,
        *,
        at_work: Callable[[], bool] = bool,
        patience: float = PATIENCE,
        own_ports: frozenset[int] = frozenset(),
    ) -> None:
        self._patience = patience
        self._own_ports = own_ports
        self.active = False
        self.jumps = 0
        self.slept = 0.0
        self._source = source
        self._at_work = at_work
        self._lock = threading.RLock()
        self._monotonic_base = time.monotonic()
        self._perf_counter_base = time.perf_counter()
        self._clock = source.clock
        self._origin = self._clock.now()
        self._carried = 0.0
        # A moment of the clock with the seconds that have passed then: one tuple, for threads.
        self._last = (self._origin, 0.0)

    def start(self) -> Self:
        """Bind time if it is not bound yet; raises `TimeLinkError` where that is not possible."""
        if self.active:
            return self
        if not _ACTIVE.acquire(blocking=False):
            raise TimeLinkError(
                "The time of this process is bound to a clock already, by another test that runs "
                "at the same time: run tests with linked time one after the other, or in several "
                "processes (pytest-xdist)."
            )
        try:
            require_linkable_loop()
            outsiders = OutsideThreads()
            self._real_work = RealWork(
                outsiders, patience=self._patience, own_ports=self._own_ports
            )
            self._sleepers = Sleepers(self, outsiders, self._at_work, self._real_work)
            self._binding = TimeBinding(
                self,
                outsiders=outsiders,
                trio=self,
                real_callers=RealTimeCallers(),
                notes=self._real_work,
            )
            self._binding.start()
        except BaseException:
            _ACTIVE.release()
            raise
        self.active = True
        return self

    def stop(self) -> None:
        """Restore real time; sleeps that are under way go on in real time."""
        if not self.active:
            return
        self.active = False
        self._binding.stop()
        _ACTIVE.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed on the clock, which takes no real time.

        After `stop()`, they pass in real time.
        """
        if seconds <= 0 or not self.active:
            _sleep_really(seconds)
            return
        if self._sleepers.may_jump(seconds):
            self._jump(seconds)
            return
        moment = self.monotonic() + seconds
        if self._sleepers.sleep_until(moment, seconds, self._rest):
            _sleep_really(max(0.0, moment - self.monotonic()))

    def time(self) -> float:
        """Return the clock's time in Unix seconds."""
        return self._source.clock.now().timestamp()

    def monotonic(self) -> float:
        """Return the clock's time in the seconds of `time.monotonic`, which never go backwards."""
        return self._monotonic_base + self.elapsed() + self.jumps * _OVERSHOT

    def perf_counter(self) -> float:
        """Return the clock's time in the seconds of `time.perf_counter`."""
        return self._perf_counter_base + self.elapsed() + self.jumps * _OVERSHOT

    def elapsed(self) -> float:
        """Return how many seconds have passed on the clock since it was bound."""
        clock = self._source.clock
        if clock is not self._clock:
            self._follow(clock)
        now = clock.now()
        # A clock that does not run returns the same object until it is moved.
        last, seconds = self._last
        if now is not last:
            seconds = self._carried + (now - self._origin).total_seconds()
            self._last = (now, seconds)
        return seconds

    def wait_for_events(self, loop: IdleLoop) -> Any:
        """Return the events of a loop of asyncio that come before its timeout on the clock."""
        if loop.timeout is None:
            return loop.poll(None)
        if not (loop.has_sockets or loop.is_deadline) and self._sleepers.may_jump(loop.timeout):
            self._jump(loop.timeout)
            return []
        events: Any = []

        def rest(seconds: float) -> bool:
            nonlocal events
            events = loop.poll(seconds)
            return bool(events) or not self.active

        silent_since = max(loop.silent_since, self._real_work.last_send)
        quiet = NO_INPUT_SECONDS - (stopwatch() - silent_since) if loop.has_sockets else 0.0

        def is_held() -> bool:
            return loop.is_deadline and self._may_get_input(
                stopwatch() - silent_since, loop.list_descriptors()
            )

        moment = self.monotonic() + loop.timeout
        self._sleepers.sleep_until(
            moment, loop.timeout, rest, quiet=max(0.0, quiet), is_held=is_held
        )
        return events

    def _may_get_input(self, silent: float, descriptors: list[int]) -> bool:
        """Return whether input can come, and the loop has not been silent for too long."""
        if silent >= self._patience:
            return False
        return any(self._real_work.is_real_input(each) for each in descriptors)

    def note_request(self) -> None:
        """Note that a client of the workspace has made a request."""
        if self.active:
            self._sleepers.note_request()

    def note_activity(self) -> None:
        """Note that trio's loop in this thread has something to do."""
        self._sleepers.mark_awake(threading.current_thread())

    def try_advance(self, seconds: float, waited: float, descriptors: list[int]) -> bool:
        """Move the clock by `seconds` for trio's loop in this thread, if it is its turn."""
        me = threading.current_thread()
        moment = self.monotonic() + seconds
        self._sleepers.mark_asleep(me, moment)
        if not self._sleepers.may_advance(me):
            return False
        if waited < seconds and (
            self._may_get_input(waited, descriptors) or self._sleepers.is_held(me)
        ):
            return False
        self._sleepers.mark_awake(me)
        self.advance_until(moment)
        return True

    def advance_until(self, moment: float) -> None:
        """Move the clock forward to a moment of `monotonic`; an earlier one changes nothing."""
        with self._lock:
            microseconds = self._move(moment - self.monotonic())
        self._binding.shift_dates(microseconds)

    def _jump(self, seconds: float) -> None:
        """Move the clock for a thread that is alone."""
        with self._lock:
            microseconds = self._move(seconds)
        self._binding.shift_dates(microseconds)

    def _move(self, seconds: float) -> int:
        """Move the clock forward, and return by how many microseconds."""
        microseconds = math.ceil(seconds * 1e6 - _NOISE)
        if microseconds <= 0:
            return 0
        self.jumps += 1
        self.slept += microseconds / 1e6
        clock = self._source.clock
        clock.advance_to(clock.now() + timedelta(0, 0, microseconds))
        return microseconds

    def _follow(self, clock: MovableClock) -> None:
        """Read another clock, after a reset or restore, without going backwards."""
        with self._lock:
            if clock is not self._clock:
                self._carried += (self._clock.now() - self._origin).total_seconds()
                self._clock, self._origin = clock, clock.now()
                self._last = (self._origin, self._carried)

    def _rest(self, seconds: float) -> bool:
        """Wait in real time, whatever is replaced; return whether the link has ended."""
        _NEVER_FREE.acquire(timeout=seconds)
        return not self.active


# One link at a time: what it replaces belongs to the whole process.
_ACTIVE: Final = threading.Lock()
_NEVER_FREE: Final = threading.Lock()
_NEVER_FREE.acquire()
_sleep_really: Final = time.sleep
