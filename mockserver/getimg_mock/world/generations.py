"""Generations: image and video requests that were accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from getimg_mock.world.clock import EPOCH

if TYPE_CHECKING:
    from decimal import Decimal

    from getimg_mock.world.limits import Kind
    from getimg_mock.world.transitions import Failure, Transition

Status = Literal["pending", "completed", "failed"]

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Product:
    """What a generation delivers and what it costs; many generations share one.

    `duration` (seconds) and `fps` are None for an image. Money is in US dollars.
    """

    kind: Kind
    model: str
    mime_type: str
    width: int
    height: int
    duration: float | None
    fps: int | None
    has_sound: bool
    billable_unit: str
    unit_price: Decimal
    quantity: int | float
    total_cost: Decimal


@dataclass(frozen=True, slots=True)
class Ending:
    """The moment at which a generation leaves `pending`, and why it failed if it did."""

    at: datetime
    failure: Failure | None = None

    @property
    def status(self) -> Status:
        """The terminal status."""
        return "completed" if self.failure is None else "failed"


@dataclass(frozen=True, slots=True)
class Generation:
    """One accepted request: an immutable record, whose state at a moment is computed.

    `decided` is an ending that time alone does not give: by the last poll or by hand.
    `retention` (seconds) is how long after its ending the file can be downloaded.
    """

    id: str
    prompt: str
    product: Product
    created_at: datetime
    transition: Transition
    retention: float
    decided: Ending | None = None

    @property
    def ending(self) -> Ending | None:
        """Its ending, past or to come; None as long as none is known."""
        if self.decided is not None:
            return self.decided
        seconds = self.transition.seconds
        if seconds is None:
            return None
        return Ending(self.created_at + timedelta(seconds=seconds), self.transition.failure)

    def at(self, now: datetime) -> Status:
        """Return its status at the moment `now`."""
        ending = self.ending
        return ending.status if ending is not None and ending.at <= now else "pending"

    @property
    def deletes_at(self) -> datetime | None:
        """When its file is deleted and its link expires: a whole second, as `exp` is one."""
        ending = self.ending
        if ending is None:
            return None
        gone = ending.at + timedelta(seconds=self.retention)
        return EPOCH + -(-(gone - EPOCH) // _SECOND) * _SECOND
