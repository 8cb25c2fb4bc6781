"""The balance of a service over a whole run: every generation counts, in whichever plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from getimg_mock.contract.exchanges import read_balance, read_total_cost
from getimg_mock.contract.prices import compute_worst_price
from getimg_mock.contract.provider.charges import (
    SETTLING_TIME,
    ZERO,
    compute_listed,
    find_rounding,
)
from getimg_mock.contract.provider.final_costs import find_missing_charges
from getimg_mock.contract.provider.mixed_up_books import find_shared_balances
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from decimal import Decimal

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


@dataclass(slots=True)
class _Books:
    """What a key had at its first balance read, and what it has bought.

    What was bought before that read counts, too: it may be charged late.
    """

    opening: Decimal | None = None
    last: Decimal = ZERO
    owed: Decimal = ZERO
    unknown: bool = False
    """Whether something was bought whose price cannot be told."""
    failures: list[tuple[datetime, Decimal]] = field(default_factory=list)
    """When a generation failed, and what may have been held for it until then."""

    def add(self, history: History, made: HttpExchange) -> None:
        """Count what a submission may cost."""
        end = history.ended.get(made.generation) if made.accepted else None
        listed = compute_listed(history, made)
        if listed is None:
            listed = compute_worst_price(made.request_body, history.models)
        if end is not None and end.object.get("status") == "failed":
            self.failures.append((end.at, listed or ZERO))
            return
        cost = None if end is None else read_total_cost(end)
        cost = listed if cost is None else cost
        self.unknown |= cost is None
        self.owed += cost or ZERO

    def sum_owed(self, now: datetime) -> Decimal:
        """Return what the key may have paid; what was held for a failure is given back soon."""
        held = [amount for at, amount in self.failures if now - at < SETTLING_TIME]
        return self.owed + sum(held, ZERO)


def compare_over_a_run(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """Require that a balance falls by all that was begun and delivered in a run, and no more."""
    yield from find_excess_charges(histories)
    yield from find_missing_charges(histories)
    yield from find_shared_balances(histories)


def find_excess_charges(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """Require that a balance never fell by more than all that was begun since it was first read.

    A fault that shows once in many generations shows over a run, though each plan buys few. Where
    a balance has risen, it was paid into, and counting begins anew. On the fake each plan has
    accounts of its own.
    """
    books: dict[str, _Books] = {}
    rounding = find_rounding(histories)
    for history in histories:
        alone = history.own or (history.plan.world and not history.plan.anywhere)
        for each in history if history.models and not alone else ():
            known = books.setdefault(each.key, _Books())
            if each.submits and _may_cost(each):
                known.add(history, each)
            amount = read_balance(each) if _shows_settled_balance(history, each) else None
            if amount is None:
                continue
            if known.opening is not None and amount > known.last:
                books[each.key] = known = _Books(amount)
            known.last = amount
            if known.opening is None:
                known.opening = amount
            if known.unknown:
                continue
            owed = known.sum_owed(each.at)
            wanted = f"at least {known.opening - owed}, after {owed} for all that was begun"
            yield (
                history,
                expect(amount >= known.opening - owed - rounding, wanted, str(amount), each),
            )


def _may_cost(exchange: HttpExchange) -> bool:
    """Whether a submission was accepted, or its outcome is unknown."""
    return exchange.accepted or exchange.status == 0 or exchange.status >= 500


def _shows_settled_balance(history: History, exchange: HttpExchange) -> bool:
    return (
        exchange.operation == "billing.balance"
        and exchange.method == "GET"
        and exchange.status == 200
        and exchange.key in {"a", "b"}
        and history.is_settled(exchange)
    )
