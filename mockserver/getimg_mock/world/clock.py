"""Time: the only module that reads the real one.

Everything that happens in a workspace happens at a moment of its clock. A clock runs at a rate:
1 is real time, 60 an hour a minute, 0 stands still. It can be moved forward at any moment, never
backwards; whoever waits on it wakes at the right moment of *its* time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# Held here so that a test that replaces time.monotonic does not change what real time is.
_monotonic: Final = time.monotonic
_wall: Final = time.time

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def wall_time() -> datetime:
    """Return the real time of this machine, for logs and for the journal's second column."""
    return datetime.fromtimestamp(_wall(), UTC)


def stopwatch() -> float:
    """Return real seconds since an arbitrary moment, for measuring how long something took."""
    return _monotonic()


class Clock(Protocol):
    """What the world asks of time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""

    async def sleep_until(self, moment: datetime) -> None:
        """Return when it is `moment` or later; at once when it is already."""


class Pause:
    """What a sleeper hands to whoever steps its coroutine where no event loop runs.

    The driver calls `wait()`, in its own thread, and then continues the coroutine.
    """

    __slots__ = ("_clock", "_moment")

    def __init__(self, clock: VirtualClock, moment: datetime) -> None:
        self._clock = clock
        self._moment = moment

    def wait(self) -> None:
        """Block this thread until the moment has come."""
        self._clock.block_until(self._moment)

    def __await__(self) -> Generator[Pause, None, None]:
        yield self


class VirtualClock:
    """A clock that starts at `start` (default: the real time) and runs at `rate`.

    With `autojump`, whoever waits moves the clock instead of waiting. Safe to use from several
    threads. `timer` gives real seconds; tests pass their own.
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
        self._origin = (start or wall_time()).astimezone(UTC)
        self._anchor = timer()
        self._rate = _checked_rate(rate)
        self._wakers: set[Callable[[], None]] = set()
        self.autojump = autojump

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        if not self._rate:
            return self._origin
        return self._origin + timedelta(seconds=(self._timer() - self._anchor) * self._rate)

    @property
    def rate(self) -> float:
        """How many seconds of this clock pass in a real one; 0 when frozen."""
        return self._rate

    def scale(self, rate: float) -> None:
        """Run at `rate` from now on; raises `ValueError` for a rate below 0."""
        with self._lock:
            self._origin, self._anchor = self.now(), self._timer()
            self._rate = _checked_rate(rate)
        self._wake()

    def freeze(self) -> None:
        """Stand still from now on; only `advance_to` moves the clock then."""
        self.scale(0)

    def advance_to(self, moment: datetime) -> datetime:
        """Move forward to `moment` and return the new time; an earlier moment changes nothing."""
        with self._lock:
            if moment > self.now():
                self._origin, self._anchor = moment.astimezone(UTC), self._timer()
        self._wake()
        return self.now()

    async def sleep_until(self, moment: datetime) -> None:
        """Return when it is `moment` or later; under `autojump`, make it `moment`."""
        while (remaining := moment - self.now()) > timedelta(0):
            if self.autojump:
                self.advance_to(moment)
                return
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                await Pause(self, moment)
            else:
                await self._sleep_in_loop(loop, self._real_seconds(remaining))

    def block_until(self, moment: datetime) -> None:
        """Block this thread until it is `moment` or later."""
        while (remaining := moment - self.now()) > timedelta(0):
            changed = threading.Event()
            self._wakers.add(changed.set)
            try:
                # Looked up again: the clock may have moved before the waker was there.
                if moment > self.now():
                    changed.wait(self._real_seconds(remaining))
            finally:
                self._wakers.discard(changed.set)

    def _real_seconds(self, remaining: timedelta) -> float | None:
        return remaining.total_seconds() / self._rate if self._rate else None

    async def _sleep_in_loop(self, loop: asyncio.AbstractEventLoop, seconds: float | None) -> None:
        awake: asyncio.Future[None] = loop.create_future()

        def resolve() -> None:
            if not awake.done():
                awake.set_result(None)

        def wake() -> None:
            loop.call_soon_threadsafe(resolve)

        self._wakers.add(wake)
        timer = loop.call_later(seconds, resolve) if seconds is not None else None
        try:
            await awake
        finally:
            self._wakers.discard(wake)
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        for waker in tuple(self._wakers):
            waker()


def _checked_rate(rate: float) -> float:
    if not 0 <= rate < float("inf"):
        raise ValueError(f"A clock's rate is a number of at least 0, not {rate!r}.")
    return float(rate)
