"""Threads that sleep on one clock: who wakes next, and when time may jump.

Time jumps only when nobody could still do something at the present moment. Of the threads that
count, each is then asleep here, waits for a lock, a queue or a thread, or has stood still for a
while. The earliest sleeper wakes first, alone; of two at the same moment the one who lay down
first.
"""

from __future__ import annotations

import sys
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    # Waits so many real seconds; returns True when the sleeper has something to do before its time.
    Rest = Callable[[float], bool]

YIELD: Final = 0.0001
POLL: Final = 0.0005
STILL: Final = 0.02
STUCK: Final = 1.0

# Where a thread waits for another one of this process. What is on top of its stack says so.
_WAITING: Final = frozenset(
    {
        ("threading", "wait"),
        ("threading", "join"),
        ("threading", "_wait_for_tstate_lock"),
        ("threading", "acquire"),
        ("queue", "get"),
        ("queue", "put"),
        ("concurrent.futures.thread", "_worker"),
        ("selectors", "select"),
        ("trio._core._io_epoll", "get_events"),
        ("trio._core._io_kqueue", "get_events"),
        ("trio._core._io_windows", "get_events"),
        ("trio._core._thread_cache", "_work"),
    }
)


class Time(Protocol):
    """The time that is slept on."""

    def monotonic(self) -> float:
        """Return the present moment in seconds."""

    def reach(self, moment: float) -> None:
        """Make it `moment`, if it is not later already."""


class Sleepers:
    """Whoever sleeps on `time`.

    Threads in `strangers` live in real time and do not count. `at_work` says whether somebody else
    is about to do something, such as a server that has got a request.
    """

    def __init__(
        self, time: Time, strangers: frozenset[int] | set[int], at_work: Callable[[], bool] = bool
    ) -> None:
        self._time = time
        self._at_work = at_work
        self._strangers = strangers
        self._turns = count()
        self._asleep: dict[int, tuple[float, int]] = {}
        self._known: set[int] = set()
        self._watches: dict[int, _Watch] = {}

    def sleep(self, seconds: float, rest: Rest, *, still: float = 0.0) -> bool:
        """Sleep, and return whether `rest` said that there is something to do before the end.

        `still` is for how many real seconds there must be nothing to do before time may jump.
        """
        me = threading.get_ident()
        moment = self._time.monotonic() + seconds
        self.lie_down(me, moment)
        try:
            if self._waits(me, rest, still):
                return True
        finally:
            self.get_up(me)
        self._time.reach(moment)
        return False

    def lie_down(self, thread: int, moment: float) -> None:
        """Take note that a thread does nothing before `moment`."""
        self._known.add(thread)
        self._asleep[thread] = (moment, next(self._turns))
        self._watches.pop(thread, None)

    def get_up(self, thread: int) -> None:
        """Take note that a thread is awake."""
        self._asleep.pop(thread, None)

    def is_next(self, thread: int) -> bool:
        """Return whether a sleeper is the one who wakes first."""
        mine = self._asleep[thread]
        return all(mine <= other for other in tuple(self._asleep.values()))

    def are_quiet(self, me: int) -> bool:
        """Return whether no other thread could still do something at the present moment.

        To be asked again and again: standing still shows only in time.
        """
        if self._at_work():
            return False
        watch = self._watches.setdefault(me, _Watch())
        return watch.quiet([each for each in self.others(me) if each.ident not in self._asleep])

    def others(self, me: int) -> list[threading.Thread]:
        """Return the other threads that count."""
        return [
            thread
            for thread in threading.enumerate()
            if thread.ident is not None
            and thread.ident != me
            and thread.ident not in self._strangers
            and (not thread.daemon or thread.ident in self._known)
        ]

    def _waits(self, me: int, rest: Rest, still: float) -> bool:
        """Wait until it is this sleeper's turn; return whether it was roused before."""
        quiet_since = stopwatch()
        while self.others(me) or still or self._at_work():
            if rest(YIELD if self.is_next(me) else POLL):
                return True
            if not self.is_next(me):
                quiet_since = stopwatch()
            elif self.are_quiet(me) and stopwatch() - quiet_since >= still:
                return False
        return False


class _Watch:
    """Looks at threads again and again, and tells whether they stand still."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[object, float]] = {}

    def quiet(self, threads: list[threading.Thread]) -> bool:
        """Return whether none of the threads is at work."""
        frames = sys._current_frames()  # noqa: SLF001 - the one way to see what others do
        # All of them are looked at, so that each one's time of standing still begins.
        return not [thread for thread in threads if not self._is_quiet(thread, frames)]

    def _is_quiet(self, thread: threading.Thread, frames: dict[int, FrameType]) -> bool:
        ident = thread.ident or 0
        frame = frames.get(ident)
        if frame is None:
            return True
        place = (frame.f_globals.get("__name__"), frame.f_code.co_name)
        now = stopwatch()
        sight = (id(frame), frame.f_lasti)
        known, since = self._seen.get(ident, (None, now))
        if known != sight:
            self._seen[ident] = (sight, now)
            return False
        if place in _WAITING:
            return True
        running = _is_running(thread)
        if running:
            self._seen[ident] = (sight, now)
        return not running and now - since >= (STILL if running is not None else STUCK)


def _is_running(thread: threading.Thread) -> bool | None:
    """Return whether the machine is at work for a thread; None where that cannot be told."""
    try:
        told = Path(f"/proc/self/task/{thread.native_id}/stat").read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    return told.rpartition(")")[2].split()[0] in {"R", "D"}
