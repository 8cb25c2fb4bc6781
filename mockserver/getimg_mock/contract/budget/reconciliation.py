"""Accounts: the books of one key in one run, and what the service states of its money."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

from getimg_mock.contract.exchanges import CENT

ZERO: Final = Decimal(0)


class Booking(NamedTuple):
    """An amount that is booked under a UTC date."""

    amount: Decimal
    day: str
    key: str = ""
    foreign: bool = False
    """Whether the request had none of the keys, so that another balance may have paid."""


@dataclass(slots=True)
class Account:
    """The books of one key in one run, and what the service states."""

    opening: Decimal | None = None
    closing: Decimal | None = None
    first_costs: Decimal | None = None
    last_costs: Decimal | None = None
    claimed: Decimal = ZERO
    """The sum of the costs that results state."""
    foreign: Decimal = ZERO
    """How much of that is for requests with another key, which its own balance need not show."""
    open: Decimal = ZERO
    """Reserved for requests that have not ended, or whose end is unknown."""
    doubts: list[Booking] = field(default_factory=list)
    """Reserved, but not spent according to the response: the balance has to confirm it."""
    beyond: Decimal = ZERO
    """What the service took beyond all this."""
    looks: int = 0
    """How often the balance was read right after a request that could cost."""

    @property
    def doubtful(self) -> Decimal:
        """The sum of the doubtful amounts."""
        return sum((each.amount for each in self.doubts), ZERO)

    @property
    def booked(self) -> Decimal:
        """What counts as spent."""
        return self.claimed + self.open + self.doubtful + self.beyond

    @property
    def taken(self) -> Decimal | None:
        """By how much the balance fell, or the costs grew, whichever is more; None if unknown."""
        falls = [
            first - last
            for first, last in ((self.opening, self.closing), (self.last_costs, self.first_costs))
            if first is not None and last is not None
        ]
        return max(falls) if falls else None

    @property
    def owed(self) -> Decimal:
        """What results say they cost and the balance does not show; a cent may be rounding."""
        if self.opening is None or self.closing is None:
            return ZERO
        missing = self.claimed - self.foreign - (self.opening - self.closing)
        shown_in_cents = all(each == round(each, 2) for each in (self.opening, self.closing))
        return missing if missing > (CENT if shown_in_cents else ZERO) else ZERO

    def as_json(self) -> dict[str, Any]:
        """Return the books as the event of a budget shows them."""
        shown = {
            "opening": self.opening,
            "closing": self.closing,
            "booked": self.booked,
            "costs": None
            if self.first_costs is None or self.last_costs is None
            else self.last_costs - self.first_costs,
            "beyond": None if self.taken is None else self.beyond,
        }
        return {name: None if value is None else str(value) for name, value in shown.items()}
