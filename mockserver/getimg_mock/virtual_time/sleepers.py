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

from getimg_mock.virtual_time.thread_activity import ThreadMonitor, count_timed_waits
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from getimg_mock.virtual_time.real_work import RealWork

    # Waits so many real seconds; returns True when the sleeper must go on before its moment.
    Rest = Callable[[float], bool]

YIELD: Final = 0.0001
POLL: Final = 0.0005

# A thread that sleeps for so many seconds at most, so often in a row and without a request, only
# ticks. While another one waits in real time, it then ticks in real time, too.
_SHORT_SLEEP: Final = 1.0
_FREE_STEPS: Final = 100


class TimeSource(Protocol):
    """The clock that threads sleep on."""

    def advance_until(self, moment: float) -> None:
        """Move to a moment in seconds; an earlier one changes nothing."""


class Sleepers:
    """The threads that sleep on a clock.

    Threads in `outsiders` keep real time and do not count. `at_work` tells whether something
    outside of these threads is about to act, such as a server with a request. While `real_work` is
    under way, or another thread waits for something real, the clock runs as real time does.
    """

    def __init__(
        self,
        clock: TimeSource,
        outsiders: Container[threading.Thread],
        at_work: Callable[[], bool] = bool,
        real_work: RealWork | None = None,
    ) -> None:
        self._real_work = real_work
        self._steps: dict[threading.Thread, int] = {}
        self._clock = clock
        self._outsiders = outsiders
        self._at_work = at_work
        self._turns = count()
        self._asleep: dict[threading.Thread, tuple[float, int]] = {}
        self._activity: dict[threading.Thread, ThreadMonitor] = {}

    def may_jump(self, seconds: float) -> bool:
        """Return whether the calling thread, which sleeps so long, may move the clock at once.

        It may where no other thread counts, and nothing real is under way.
        """
        if (
            self._asleep
            or self._at_work()
            or (self._real_work is not None and self._real_work.is_under_way())
        ):
            return False
        if threading.active_count() != 1 and self._find_other_threads(threading.current_thread()):
            return False
        if seconds <= _SHORT_SLEEP or self._steps:
            self._count_step(threading.current_thread(), seconds)
        return True

    def sleep_until(
        self,
        moment: float,
        seconds: float,
        rest: Rest,
        *,
        quiet: float = 0.0,
        is_held: Callable[[], bool] = bool,
    ) -> bool:
        """Sleep until `moment`, in `seconds`; return whether `rest` ended that before.

        The clock is moved after `quiet` real seconds in which `rest` has returned False. While
        `is_held` returns True, it is not moved before the seconds are over in real time, too.
        """
        me = threading.current_thread()
        if me in self._activity:
            self._activity[me].forget_uncertain()
        self.mark_asleep(me, moment)
        try:
            if self._wait_for_turn(me, rest, quiet, seconds, is_held):
                return True
        finally:
            self.mark_awake(me)
        self._count_step(me, seconds)
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

    def is_held(self, thread: threading.Thread) -> bool:
        """Return whether something real is under way for which a sleeper does not jump."""
        if self._real_work is None:
            return False
        if self._real_work.is_under_way():
            return True
        others = self._find_other_threads(thread)
        if not others:
            return False
        activity = self._activity.setdefault(thread, ThreadMonitor())
        if activity.is_really_waiting(others, self._real_work.patience):
            return True
        return self._steps.get(thread, 0) > _FREE_STEPS and count_timed_waits(others) > 0

    def note_request(self) -> None:
        """Note that a client has made a request: the steps of its thread lead somewhere."""
        self._steps.clear()

    def _count_step(self, thread: threading.Thread, seconds: float) -> None:
        """Count the short sleeps in a row: a thread that only ticks must not drive the clock."""
        self._steps[thread] = self._steps.get(thread, 0) + 1 if seconds <= _SHORT_SLEEP else 0

    def _is_alone(self, me: threading.Thread) -> bool:
        """Return whether there is no other thread, and nothing real is under way."""
        return (
            threading.active_count() == 1
            and len(self._asleep) == 1
            and me in self._asleep
            and not self._at_work()
            and (self._real_work is None or not self._real_work.is_under_way())
        )

    def _find_other_threads(self, me: threading.Thread) -> list[threading.Thread]:
        """Return the other threads that count and do not sleep, also those about to begin."""
        return [
            thread
            for thread in threading.enumerate()
            if thread is not me and thread not in self._outsiders and thread not in self._asleep
        ]

    def _wait_for_turn(
        self,
        me: threading.Thread,
        rest: Rest,
        quiet: float,
        seconds: float,
        is_held: Callable[[], bool],
    ) -> bool:
        """Wait until this sleeper may wake; return whether `rest` ended that before."""
        if self._is_alone(me) and not quiet and not is_held():
            return False
        began = quiet_since = stopwatch()
        while True:
            if not self.may_advance(me):
                quiet_since = stopwatch()
            elif stopwatch() - quiet_since >= quiet and (
                stopwatch() - began >= seconds or not (is_held() or self.is_held(me))
            ):
                return False
            if rest(POLL if sys.getswitchinterval() > POLL else YIELD):
                return True
