"""`datetime.now()` on a bound clock: by time-machine, or by the library that has frozen dates.

time-machine replaces it in C, for all threads of the process, outsiders included.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class DatetimePatch:
    """Lets `datetime.now()` and its like follow `now`, a function that returns Unix seconds.

    Where freezegun or time-machine have set the date already, their date is moved by the same
    steps as the clock. Else time-machine, where it is installed, shows the time of the clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._own: Any = None
        self._traveller: Any = None

    def start(self) -> None:
        """Begin to follow."""
        if _list_frozen() or _list_travellers() or not find_spec("time_machine"):
            return
        import time_machine  # noqa: PLC0415 - optional, and slow to import

        # A number: an aware datetime would also move the process to its time zone.
        self._own = time_machine.travel(self._now(), tick=False)
        self._traveller = self._own.start()
        # Computed at every call, so that a clock that is moved by hand shows as well.
        self._traveller.time_ns = lambda: round(self._now() * 1e6) * 1000

    def stop(self) -> None:
        """Restore the real date."""
        if self._own is not None:
            self._own.stop()
            self._own = self._traveller = None

    def shift(self, microseconds: int) -> None:
        """Move the date that another library has set, as far as the clock has just moved."""
        # Each sleep comes here, so that what is not imported is not asked for its lists.
        if "freezegun.api" in sys.modules and (factories := _list_frozen()):
            factories[-1].tick(timedelta(microseconds=microseconds))
        if "time_machine" in sys.modules and (travellers := _list_travellers()):
            traveller = travellers[-1]
            if traveller is not self._traveller:
                traveller.shift(timedelta(microseconds=microseconds))


def _list_frozen() -> list[Any]:
    return list(getattr(sys.modules.get("freezegun.api"), "freeze_factories", ()))


def _list_travellers() -> list[Any]:
    return list(getattr(sys.modules.get("time_machine"), "traveller_stack", ()))
