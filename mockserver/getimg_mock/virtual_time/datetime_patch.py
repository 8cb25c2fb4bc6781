"""`datetime.now()` beside a bound clock: by time-machine, or by whoever holds it already."""

from __future__ import annotations

import sys
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_EPOCH_SECONDS = 1_000_000_000


class Calendars:
    """Lets the calendar of the process follow `now`, as far as somebody can do that.

    Where freezegun or time-machine hold it already, their time is moved by the same steps as the
    clock. Else time-machine, where it is installed, shows the clock's time.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._own: Any = None
        self._traveller: Any = None

    def start(self) -> None:
        """Begin to follow."""
        if _frozen() or _travelled() or not find_spec("time_machine"):
            return
        import time_machine  # noqa: PLC0415 - optional, and slow to import

        # A number: with a moment that has a time zone, the process would be moved there.
        self._own = time_machine.travel(self._now().timestamp(), tick=False)
        self._traveller = self._own.start()
        # Asked for at every look, so that the test's own advances show as well.
        self._traveller.time_ns = lambda: int(self._now().timestamp() * 1e6) * 1000

    def stop(self) -> None:
        """Leave the calendar as it was."""
        if self._own is not None:
            self._own.stop()
            self._own = self._traveller = None

    def shift(self, microseconds: int) -> None:
        """Move the time that somebody else holds, as far as the clock has just moved."""
        step = timedelta(microseconds=microseconds)
        for factory in _frozen()[-1:]:
            factory.tick(step)
        for traveller in _travelled()[-1:]:
            if traveller is not self._traveller:
                traveller.shift(step)


def _frozen() -> list[Any]:
    return list(getattr(sys.modules.get("freezegun.api"), "freeze_factories", ()))


def _travelled() -> list[Any]:
    return list(getattr(sys.modules.get("time_machine"), "traveller_stack", ()))
