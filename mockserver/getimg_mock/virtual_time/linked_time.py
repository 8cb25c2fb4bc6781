"""The test's time bound to a workspace's clock: whoever sleeps moves the clock, nobody waits.

What is bound: `time.sleep`, `time.time`, `time.monotonic`, `time.perf_counter` and their `_ns`
twins, also where they were imported by name; the timers of asyncio's event loops and of trio, and
with them `asyncio.sleep`, `anyio.sleep`, `trio.sleep` and every timeout; and `datetime.now()` where
time-machine is installed. Bound is the thread that asks for it, and those that are started after.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from getimg_mock.errors import GetimgMockError
from getimg_mock.virtual_time.datetime_patch import Calendars
from getimg_mock.virtual_time.event_loops import EventLoops, require_linkable_loop
from getimg_mock.virtual_time.sleepers import Sleepers
from getimg_mock.virtual_time.time_aliases import FUNCTIONS, borrowings

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType, TracebackType

_SLEEP: Final = "sleep"
_NANO: Final = 1_000_000_000
# Finer than this is the noise of floating-point seconds, not something that was asked for.
_NOISE: Final = 0.001


class TimeLinkError(GetimgMockError):
    """The test's time cannot be bound to a clock; the text says why and what would work."""


class Hands(Protocol):
    """A clock, as far as it is read and moved."""

    def now(self) -> datetime:
        """Return the time."""

    def advance_to(self, moment: datetime) -> object:
        """Move forward to a moment."""


class Dial(Protocol):
    """Where the clock is found that is bound to: after a reset it is another one."""

    @property
    def clock(self) -> Hands:
        """The present clock."""


class Link:
    """Binds the test's time to a clock, from `start()` to `stop()` or as a context manager.

    `jumps` counts how often sleeping moved the clock, `slept` is how many seconds that was.
    `at_work` says whether somebody outside of this process's threads is about to do something.
    """

    def __init__(self, dial: Dial, *, at_work: Callable[[], bool] = bool) -> None:
        self.active = False
        self.jumps = 0
        self.slept = 0.0
        self._dial = dial
        self._lock = threading.RLock()
        self._strangers = _others()
        self.sleepers = Sleepers(self, self._strangers, at_work)
        self._loops = EventLoops(self)
        self._calendars = Calendars(lambda: dial.clock.now())  # noqa: PLW0108 - a reset changes the clock
        self._restored: list[tuple[ModuleType, str, Any]] = []
        self._real = {name: getattr(time, name) for name in FUNCTIONS}
        self._base = {name: self._real[name]() for name in ("monotonic", "perf_counter")}
        self._clock = dial.clock
        self._origin = self._clock.now()
        self._carried = 0.0

    def start(self) -> Self:
        """Bind, if it is not yet; raises `TimeLinkError` where that is not possible."""
        if self.active:
            return self
        if not _ACTIVE.acquire(blocking=False):
            raise TimeLinkError(
                "The time of this process is bound to a clock already, by another test that runs "
                "at the same time: run tests with linked time one after the other, or in several "
                "processes (pytest-xdist)."
            )
        self.active = True
        try:
            require_linkable_loop()
            self._calendars.start()
            self._loops.start()
            self._patch()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Give the test its real time back."""
        if not self.active:
            return
        self.active = False
        for module, name, before in reversed(self._restored):
            setattr(module, name, before)
        self._restored.clear()
        self._loops.stop()
        self._calendars.stop()
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

    def is_stranger(self) -> bool:
        """Return whether the present thread lives in real time."""
        return threading.get_ident() in self._strangers

    def sleep(self, seconds: float) -> None:
        """Return when `seconds` have passed on the clock, which costs no time."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        if seconds == 0:
            self._real[_SLEEP](0)
        else:
            self.sleepers.sleep(seconds, _rest)

    def monotonic(self) -> float:
        """Return the clock's time in the seconds of `time.monotonic`, which never go backwards."""
        return float(self._base["monotonic"] + self.elapsed())

    def perf_counter(self) -> float:
        """Return the clock's time in the seconds of `time.perf_counter`."""
        return float(self._base["perf_counter"] + self.elapsed())

    def elapsed(self) -> float:
        """Return how many seconds have passed on the clock since it was bound."""
        clock = self._dial.clock
        if clock is not self._clock:
            self._go_on(clock)
        return self._carried + (clock.now() - self._origin).total_seconds()

    def reach(self, moment: float) -> None:
        """Move the clock forward to a moment of `monotonic`."""
        with self._lock:
            left = moment - self.monotonic()
            microseconds = math.ceil(left * 1e6 - _NOISE)
            if microseconds <= 0:
                return
            self.jumps += 1
            self.slept += microseconds / 1e6
            clock = self._dial.clock
            clock.advance_to(clock.now() + timedelta(microseconds=microseconds))
        self._calendars.shift(microseconds)

    def _go_on(self, clock: Hands) -> None:
        """Take another clock, after a reset or restore, without going backwards."""
        with self._lock:
            if clock is not self._clock:
                self._carried += (self._clock.now() - self._origin).total_seconds()
                self._clock, self._origin = clock, clock.now()

    def _patch(self) -> None:
        linked = {name: self._linked(name) for name in self._real}
        for name, function in linked.items():
            self._set(time, name, function)
        for module, attribute, name in borrowings():
            if getattr(module, attribute, None) is self._real[name]:
                self._set(module, attribute, linked[name])

    def _set(self, module: ModuleType, name: str, value: Any) -> None:
        self._restored.append((module, name, getattr(module, name)))
        setattr(module, name, value)

    def _linked(self, name: str) -> Callable[..., Any]:
        real, strangers, ident = self._real[name], self._strangers, threading.get_ident
        mine = self._function(name)

        def linked(*arguments: Any) -> Any:
            return (real if ident() in strangers else mine)(*arguments)

        linked.__name__ = linked.__qualname__ = name
        linked.__doc__ = real.__doc__
        return linked

    def _function(self, name: str) -> Callable[..., Any]:
        functions: dict[str, Callable[..., Any]] = {
            _SLEEP: self.sleep,
            "time": lambda: self._dial.clock.now().timestamp(),
            "time_ns": lambda: _nanoseconds(self._dial.clock.now().timestamp()),
            "monotonic": self.monotonic,
            "monotonic_ns": lambda: _nanoseconds(self.monotonic()),
            "perf_counter": self.perf_counter,
            "perf_counter_ns": lambda: _nanoseconds(self.perf_counter()),
        }
        return functions[name]


# One link at a time: what it replaces belongs to the whole process.
_ACTIVE: Final = threading.Lock()
_NEVER: Final = threading.Lock()
_NEVER.acquire()


def _rest(seconds: float) -> bool:
    """Wait in real time, whatever is replaced."""
    return _NEVER.acquire(timeout=seconds)


def _others() -> set[int]:
    """Return the threads that there are, but this one and those that wait to be anybody's."""
    frames = sys._current_frames()  # noqa: SLF001 - all threads there are
    return {ident for ident, frame in frames.items() if not _is_spare(frame)} - {
        threading.get_ident()
    }


def _is_spare(frame: FrameType) -> bool:
    """Return whether a thread is one that trio keeps for whoever needs the next one."""
    place = (frame.f_globals.get("__name__"), frame.f_code.co_name)
    return place == ("trio._core._thread_cache", "_work")


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e6) * 1000
