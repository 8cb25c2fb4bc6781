"""The money of one workspace, in US dollars, exact.

At every moment `available + held + charged == credited`. A generation's cost is held when it is
submitted, charged when it completes and released when it fails (our choice: getimg.ai does not
document when it charges). Costs belong to the UTC date of the charge.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import Refusal
from getimg_mock.world.error_messages import INSUFFICIENT_BALANCE
from getimg_mock.world.holdings import MAX_ENTRIES
from getimg_mock.world.journal import Effect, record_effect
from getimg_mock.world.records import create_record

if TYPE_CHECKING:
    from datetime import date, datetime

    from getimg_mock.world.holdings import Entries

ZERO: Final = Decimal(0)


class Ledger:
    """Balance, holds and costs of one workspace.

    `entries` is where its entries are kept; by default the last `kept` in memory.
    """

    def __init__(
        self,
        opening: Decimal,
        at: datetime,
        *,
        kept: int = MAX_ENTRIES,
        entries: Entries | None = None,
    ) -> None:
        self.credited = opening
        self.held = ZERO
        self.charged = ZERO
        self.by_date: dict[date, Decimal] = {}
        self.entries: Entries = deque(maxlen=kept) if entries is None else entries
        if opening:
            # Not an effect of a request, although the first request may open the workspace.
            self.entries.append(Effect("credit", at, opening))

    @property
    def available(self) -> Decimal:
        """The amount that can still be spent; the API shows it as the balance."""
        return self.credited - self.held - self.charged

    def credit(self, amount: Decimal, at: datetime) -> None:
        """Add `amount`, which may be negative, to the balance."""
        self.credited += amount
        self._note(Effect("credit", at, amount))

    def require(self, amount: Decimal) -> None:
        """Raise the 402 `Refusal` unless `amount` is available."""
        if amount > self.available:
            raise Refusal(
                "quota_exceeded",
                INSUFFICIENT_BALANCE,
                hint=f"this costs {amount} USD, the balance is {self.available} USD",
            )

    def hold(self, generation: str, amount: Decimal, at: datetime) -> None:
        """Hold `amount` for an accepted generation."""
        self.held += amount
        self._note(Effect("hold", at, amount, generation))

    def charge(self, generation: str, amount: Decimal, at: datetime) -> None:
        """Charge the held amount: the generation completed."""
        self.held -= amount
        self.charged += amount
        day = at.astimezone(UTC).date()
        self.by_date[day] = self.by_date.get(day, ZERO) + amount
        self._note(Effect("charge", at, amount, generation))

    def spend(self, generation: str, amount: Decimal, at: datetime) -> tuple[Effect, Effect]:
        """Hold `amount` and charge it: a generation that is completed when it is accepted.

        Returns both effects, and leaves it to the caller to record them.
        """
        # By way of `held`, as for other generations, so that amounts keep their number of digits.
        self.held = self.held + amount - amount
        self.charged += amount
        day = (at if at.tzinfo is UTC else at.astimezone(UTC)).date()
        self.by_date[day] = self.by_date.get(day, ZERO) + amount
        effects = (
            create_record(Effect, ("hold", at, amount, generation)),
            create_record(Effect, ("charge", at, amount, generation)),
        )
        self.entries.extend(effects)
        return effects

    def release(self, generation: str, amount: Decimal, at: datetime) -> None:
        """Release the held amount: the generation failed."""
        self.held -= amount
        self._note(Effect("release", at, amount, generation))

    def refund(self, generation: str, amount: Decimal, charged_at: datetime, at: datetime) -> None:
        """Refund a charge made at `charged_at`: the generation failed."""
        self.charged -= amount
        self.by_date[charged_at.astimezone(UTC).date()] -= amount
        self._note(Effect("refund", at, amount, generation))

    def _note(self, entry: Effect) -> None:
        self.entries.append(entry)
        record_effect(entry)
