"""Clocks: the only module that reads real time.

Every event in a workspace has a time on its clock. A clock runs at a rate: 1 is real time, 60 is
60 times faster, 0 is frozen. It can be moved forward at any time, never backwards. Waiting on a
clock ends at the right moment of *its* time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# Bound here so that a test that replaces time.monotonic does not change real time.
_monotonic: Final = time.monotonic
# freezegun replaces such names in all modules, but what a tuple holds stays.
_STOPWATCH: Final = (time.monotonic,)
_wall: Final = time.time
_sleep: Final = time.sleep

FASTEST: Final = 1_000_000.0
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# The latest time of a clock: far enough from Python's that adding to it cannot overflow.
LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)


def wall_time() -> datetime:
    """Return the real time of this machine, for logs and the journal."""
    return datetime.fromtimestamp(_wall(), UTC)


def wall_seconds() -> float:
    """Return the real time of this machine in Unix seconds, as processes share it."""
    return _wall()


def to_wall_time(seconds: float) -> datetime:
    """Return `wall_seconds` as `wall_time`."""
    return datetime.fromtimestamp(seconds, UTC)


def stopwatch() -> float:
    """Return real seconds since an arbitrary moment, for measuring how long something took."""
    return _STOPWATCH[0]()


def pause(seconds: float) -> None:
    """Wait in real time, whatever clock this process is bound to."""
    _sleep(seconds)


class Clock(Protocol):
    """The interface that the world needs of a clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""

    async def sleep_until(self, moment: datetime) -> None:
        """Return when it is `moment` or later; at once when it is already."""


class Pause:
    """What a sleeping coroutine yields to its driver where no event loop runs.

    The driver calls `wait()`, in its own thread, and then continues the coroutine. `moment` is
    None where only a change of the clock, or `poke`, ends the pause.
    """

    __slots__ = ("changes", "clock", "moment")

    def __init__(self, clock: VirtualClock, moment: datetime | None, changes: int) -> None:
        self.clock = clock
        self.moment = moment
        self.changes = changes

    def wait(self) -> None:
        """Block this thread until the moment has come or the clock was changed."""
        self.clock.block(self.moment, self.changes)

    def __await__(self) -> Generator[Pause, None, None]:
        yield self


class VirtualClock:
    """A clock that starts at `start` (default: the real time) and runs at `rate`.

    With `autojump`, waiting moves the clock instead of taking time. `changes` counts how often the
    clock was moved, rescaled or poked. Thread-safe. `timer` returns real seconds; tests pass their
    own.
    """

    def __init__(
        self,
        *,
        start: datetime | None = None,
        rate: float = 1.0,
        autojump: bool = False,
        timer: Callable[[], float] = _monotonic,
    ) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        # Origin, the timer's reading then, and rate: one tuple, so that threads see all or none.
        self._state = ((start or wall_time()).astimezone(UTC), timer(), _check_rate(rate))
        self._wakers: set[Callable[[], None]] = set()
        self.autojump = autojump
        self.changes = 0

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        origin, anchor, rate = self._state
        return origin + timedelta(0, (self._timer() - anchor) * rate) if rate else origin

    @property
    def rate(self) -> float:
        """Seconds of this clock per real second; 0 when frozen."""
        return self._state[2]

    @property
    def state(self) -> tuple[datetime, float, float]:
        """Its origin, the timer's reading at the origin, and its rate: what a store keeps."""
        return self._state

    @state.setter
    def state(self, state: tuple[datetime, float, float]) -> None:
        self._state = state

    @property
    def is_awaited(self) -> bool:
        """Whether anything waits on it."""
        return bool(self._wakers)

    def scale(self, rate: float) -> None:
        """Run at `rate` from now on; raises `ValueError` unless it is from 0 to a million."""
        with self._lock:
            self._state = (self.now(), self._timer(), _check_rate(rate))
        self.poke()

    def freeze(self) -> None:
        """Stop the clock; only `advance_to` moves it then."""
        self.scale(0)

    def advance_to(self, moment: datetime) -> datetime:
        """Move forward to `moment` and return the new time; an earlier moment changes nothing."""
        with self._lock:
            origin, _, rate = self._state
            if moment > (self.now() if rate else origin):
                self._state = (moment.astimezone(UTC), self._timer(), rate)
        self.poke()
        return self.now() if rate else self._state[0]

    async def sleep_until(self, moment: datetime) -> None:
        """Return when it is `moment` or later; under `autojump`, make it `moment`."""
        while True:
            changes = self.changes
            if moment <= self.now():
                return
            await self.pause(moment, changes)

    async def pause(self, moment: datetime | None, changes: int) -> None:
        """Return at `moment`, or when `self.changes` is no longer `changes`.

        Read `changes` before checking whether waiting is needed, so that no change is missed.
        Without a moment only a change ends the pause. Under `autojump`, make it `moment`.
        """
        if moment is not None and self.autojump:
            self.advance_to(moment)
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            await Pause(self, moment, changes)
        else:
            await self._pause_in_loop(loop, moment, changes)

    def poke(self) -> None:
        """Wake every sleeper to check again: something other than time has changed."""
        self.changes += 1
        if self._wakers:
            for waker in tuple(self._wakers):
                waker()

    def block_until(self, moment: datetime) -> None:
        """Block this thread until it is `moment` or later."""
        while True:
            changes = self.changes
            if moment <= self.now():
                return
            self.block(moment, changes)

    def block(self, moment: datetime | None, changes: int) -> None:
        """Block this thread as `pause` suspends a coroutine."""
        changed = threading.Event()
        wake = changed.set
        self._wakers.add(wake)
        try:
            # Checked after adding the waker: an earlier change shows in the number.
            if self.changes == changes:
                changed.wait(self._compute_real_seconds(moment))
        finally:
            self._wakers.discard(wake)

    def _compute_real_seconds(self, moment: datetime | None) -> float | None:
        if moment is None:
            return None
        remaining = max(0.0, (moment - self.now()).total_seconds())
        if not remaining:
            return 0.0
        return min(remaining / self.rate, threading.TIMEOUT_MAX) if self.rate else None

    async def _pause_in_loop(
        self, loop: asyncio.AbstractEventLoop, moment: datetime | None, changes: int
    ) -> None:
        awake: asyncio.Future[None] = loop.create_future()

        def resolve() -> None:
            if not awake.done():
                awake.set_result(None)

        def wake() -> None:
            loop.call_soon_threadsafe(resolve)

        self._wakers.add(wake)
        try:
            if self.changes != changes:
                return
            seconds = self._compute_real_seconds(moment)
            timer = None if seconds is None else loop.call_later(seconds, resolve)
            try:
                await awake
            finally:
                if timer is not None:
                    timer.cancel()
        finally:
            self._wakers.discard(wake)


def _check_rate(rate: float) -> float:
    if not 0 <= rate <= FASTEST:
        raise ValueError(f"A clock's rate is a number from 0 to {FASTEST:g}, not {rate!r}.")
    return float(rate)
