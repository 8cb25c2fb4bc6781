"""Threads that sleep on one clock: which wakes next, and when the clock may be moved.

The clock is moved only when no thread could still do something at the present moment: each bound
thread sleeps here, waits for another one (for a lock, an event, a queue, an end), or has done
nothing for a while. The earliest sleeper wakes first, alone; of two with the same moment, the one
that began to sleep first.
"""

from __future__ import annotations

import sys
import threading
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

from getimg_mock.virtual_time.thread_activity import ThreadMonitor
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    # Waits so many real seconds; returns True when the sleeper must go on before its moment.
    Rest = Callable[[float], bool]

YIELD: Final = 0.0001
POLL: Final = 0.0005


class TimeSource(Protocol):
    """The clock that threads sleep on."""

    def monotonic(self) -> float:
        """Return the present moment in seconds."""

    def advance_until(self, moment: float) -> None:
        """Move to a moment of `monotonic`; an earlier one changes nothing."""


class Sleepers:
    """The threads that sleep on a clock.

    Threads in `outsiders` keep real time and do not count. `at_work` tells whether something
    outside of these threads is about to act, such as a server with a request.
    """

    def __init__(
        self,
        clock: TimeSource,
        outsiders: Container[threading.Thread],
        at_work: Callable[[], bool] = bool,
    ) -> None:
        self._clock = clock
        self._outsiders = outsiders
        self._at_work = at_work
        self._turns = count()
        self._asleep: dict[threading.Thread, tuple[float, int]] = {}
        self._activity: dict[threading.Thread, ThreadMonitor] = {}

    def sleep(self, seconds: float, rest: Rest, *, quiet: float = 0.0) -> bool:
        """Sleep, and return whether `rest` ended that before the seconds were over.

        The clock is moved after `quiet` real seconds in which `rest` has returned False.
        """
        me = threading.current_thread()
        moment = self._clock.monotonic() + seconds
        self._activity.setdefault(me, ThreadMonitor()).forget_uncertain()
        self.mark_asleep(me, moment)
        try:
            if self._wait_for_turn(me, rest, quiet):
                return True
        finally:
            self.mark_awake(me)
        self._clock.advance_until(moment)
        return False

    def mark_asleep(self, thread: threading.Thread, moment: float) -> None:
        """Note that a thread does nothing before `moment`."""
        self._asleep[thread] = (moment, next(self._turns))

    def mark_awake(self, thread: threading.Thread) -> None:
        """Note that a thread does not sleep."""
        self._asleep.pop(thread, None)

    def may_advance(self, thread: threading.Thread) -> bool:
        """Return whether a sleeper is the next to wake, and no other thread is at work.

        Must be called repeatedly, since only time shows that a thread does nothing.
        """
        mine = self._asleep[thread]
        if self._at_work() or any(other < mine for other in tuple(self._asleep.values())):
            return False
        others = self._find_other_threads(thread)
        if not others:
            return True
        return self._activity.setdefault(thread, ThreadMonitor()).is_quiet(others)

    def _find_other_threads(self, me: threading.Thread) -> list[threading.Thread]:
        """Return the other threads that count and do not sleep, also those about to begin."""
        return [
            thread
            for thread in threading.enumerate()
            if thread is not me and thread not in self._outsiders and thread not in self._asleep
        ]

    def _wait_for_turn(self, me: threading.Thread, rest: Rest, quiet: float) -> bool:
        """Wait until this sleeper may wake; return whether `rest` ended that before."""
        quiet_since = stopwatch()
        while True:
            if not self.may_advance(me):
                quiet_since = stopwatch()
            elif stopwatch() - quiet_since >= quiet:
                return False
            if rest(POLL if sys.getswitchinterval() > POLL else YIELD):
                return True
