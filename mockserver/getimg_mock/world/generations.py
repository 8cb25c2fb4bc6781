"""Generations: accepted requests for images and videos."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from getimg_mock.world.clock import EPOCH
from getimg_mock.world.records import create_record

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from getimg_mock.world.limits import Kind
    from getimg_mock.world.transitions import Failure, Transition

Status = Literal["pending", "completed", "failed"]

_DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Product:
    """What a generation delivers and what it costs; many generations share one.

    `duration` (seconds) and `fps` are None for an image. Money is in US dollars. `file` is the path
    of a file of the user's own; None is one that is drawn. `recording` names what a replay took it
    from, and `files` says how many files it delivers.
    """

    kind: Kind
    model: str
    mime_type: str
    width: int
    height: int
    duration: float | None
    fps: float | None
    has_sound: bool
    billable_unit: str
    unit_price: Decimal
    quantity: int | float
    total_cost: Decimal
    file: str | None = None
    recording: str | None = None
    files: int = 1


# A test run creates hundreds of thousands of these. Creating a named tuple is four times faster
# than a frozen dataclass, and it is as immutable.


class Ending(NamedTuple):
    """The moment at which a generation leaves `pending`, and why it failed if it did."""

    at: datetime
    failure: Failure | None = None

    @property
    def status(self) -> Status:
        """The terminal status."""
        return "completed" if self.failure is None else "failed"


class Generation(NamedTuple):
    """One accepted request: an immutable record, whose state at a moment is computed.

    `ending` may be in the future; it is None while polls or a control command have to end the
    generation. `retention` (seconds) is how long after it the file can be downloaded.
    """

    id: str
    prompt: str
    product: Product
    created_at: datetime
    transition: Transition
    retention: float
    ending: Ending | None

    def at(self, now: datetime) -> Status:
        """Return its status at the moment `now`."""
        ending = self.ending
        return ending.status if ending is not None and ending.at <= now else "pending"

    @property
    def expires(self) -> int | None:
        """When its link expires, in Unix seconds; None while no ending is known."""
        return None if self.ending is None else compute_expiry(self.ending.at, self.retention)

    @property
    def deletes_at(self) -> datetime | None:
        """When its file is deleted: a whole second, like the link's expiry."""
        expires = self.expires
        return None if expires is None else EPOCH + timedelta(seconds=expires)


def compute_expiry(ended_at: datetime, retention: float) -> int:
    """Return when the file of a generation is deleted, in whole Unix seconds."""
    gone = ended_at + timedelta(0, retention) - EPOCH
    return gone.days * _DAY + gone.seconds + (gone.microseconds > 0)


def compute_ending(transition: Transition, created_at: datetime) -> Ending | None:
    """Return the ending that time alone causes, or None if it causes none."""
    if transition.seconds is None:
        return None
    if not transition.seconds:
        return create_record(Ending, (created_at, transition.failure))
    return Ending(created_at + timedelta(seconds=transition.seconds), transition.failure)
