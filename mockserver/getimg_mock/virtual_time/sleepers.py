"""Threads that sleep on one clock: who wakes next, and when time may jump.

Time jumps only when nobody could still do something at the present moment. Of the threads that
count, each then is asleep here, waits for another one (for a lock, an event, a queue, an end), or
has stood still for a while. The earliest sleeper wakes first, alone; of two at the same moment the
one who lay down first.
"""

from __future__ import annotations

import sys
import threading
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

from getimg_mock.virtual_time.thread_activity import Watch
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable

    # Waits so many real seconds; returns True when the sleeper has something to do before its time.
    Rest = Callable[[float], bool]

YIELD: Final = 0.0001
POLL: Final = 0.0005


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

    def __init__(self, time: Time, strangers: set[int], at_work: Callable[[], bool] = bool) -> None:
        self._time = time
        self._strangers = strangers
        self._at_work = at_work
        self._turns = count()
        self._asleep: dict[int, tuple[float, int]] = {}
        self._watches: dict[int, Watch] = {}

    def sleep(self, seconds: float, rest: Rest, *, still: float = 0.0) -> bool:
        """Sleep, and return whether `rest` said that there is something to do before the end.

        `still` is for how many real seconds there must be nothing to do before time may jump.
        """
        me = threading.get_ident()
        moment = self._time.monotonic() + seconds
        self._watches.setdefault(me, Watch()).begin()
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
        self._asleep[thread] = (moment, next(self._turns))

    def get_up(self, thread: int) -> None:
        """Take note that a thread is awake."""
        self._asleep.pop(thread, None)

    def may_wake(self, thread: int) -> bool:
        """Return whether it is a sleeper's turn, and nobody has anything to do before.

        To be asked again and again: that a thread stands still shows only in time.
        """
        mine = self._asleep[thread]
        if self._at_work() or any(other < mine for other in tuple(self._asleep.values())):
            return False
        others = self._others(thread)
        if not others:
            return True
        return self._watches.setdefault(thread, Watch()).is_quiet(others)

    def _others(self, me: int) -> list[threading.Thread]:
        """Return the other threads that count and are not asleep, those about to begin as well."""
        return [
            thread
            for thread in threading.enumerate()
            if thread.ident != me
            and thread.ident not in self._strangers
            and thread.ident not in self._asleep
        ]

    def _waits(self, me: int, rest: Rest, still: float) -> bool:
        """Wait until it is this sleeper's turn; return whether it was roused before."""
        quiet_since = stopwatch()
        while True:
            if not self.may_wake(me):
                quiet_since = stopwatch()
            elif stopwatch() - quiet_since >= still:
                return False
            if rest(POLL if sys.getswitchinterval() > POLL else YIELD):
                return True
