"""Costs and balances that are those of another workspace, or of an earlier time.

A service may charge and book late, so what is shown too late is judged at the end of a run. Costs
that fall, and a balance that rises, without anything given back were kept in the wrong place.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.exchanges import parse_decimal, read_balance
from getimg_mock.contract.prices import compute_worst_price
from getimg_mock.contract.provider.charges import ZERO
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from decimal import Decimal

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

_BOOKS: Final = "books"

_AT_ONCE: Final = timedelta(seconds=3)
"""Within which time a purchase shows, where the books are never late."""

_SOON: Final = timedelta(seconds=2)
"""Within which time two keys read the same range at the same moment."""


def find_falling_costs(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP509: the costs of a range never fall, but for what was given back for failures."""
    highest: dict[tuple[str, str], tuple[History, HttpExchange, Decimal]] = {}
    for history, each in _list_reads(histories, "billing.costs"):
        total = parse_decimal(each.object.get("total_cost"))
        if total is None:
            continue
        _, first, most = highest.get((each.key, each.query), (history, each, total))
        returned = _sum_returned(histories, each.key) if total < most else ZERO
        wanted = f"costs of at least {most} less {returned}, which was given back"
        yield history, expect(total >= most - returned, wanted, str(total), first, each)
        if total >= most:
            highest[each.key, each.query] = history, each, total


def find_shared_costs(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP509: two keys that bought different amounts are not shown the same costs."""
    yield from _find_shared(histories, "billing.costs")


def find_shared_balances(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """GP504: two keys that bought different amounts do not have the same balance."""
    yield from _find_shared(histories, "billing.balance")


def _find_shared(
    histories: Sequence[History], operation: str
) -> Iterator[tuple[History, Observation]]:
    """Require different books of two keys that bought different amounts.

    Judged where a purchase showed in them at once, so that none of them is late, and where the
    latest purchases make no difference.
    """
    bought: dict[str, list[tuple[datetime, Decimal]]] = {"a": [], "b": []}
    seen: dict[str, list[tuple[HttpExchange, Decimal, Decimal]]] = {}
    last: tuple[HttpExchange, Decimal] | None = None
    prompt = False
    for history, each in _list_reads(histories, operation, bought):
        amount = _read_spent(each)
        if amount is None:
            continue
        own = sum((cost for _, cost in bought[each.key]), ZERO)
        # The ranges of this role differ in their last date alone.
        place = f"{each.key} {each.use if each.use == _BOOKS else each.query}"
        before = seen.setdefault(place, [])
        prompt |= any(
            amount - old == own - then > 0 and each.at - at.at <= _AT_ONCE
            for at, old, then in before
        )
        before.append((each, amount, own))
        if last is not None and _is_pair(last[0], each) and prompt and amount:
            other = last[0].key
            fine = last[0].json != each.json or _may_be_equal(bought, each.at)
            wanted = f"books of its own for key {each.key}, which has bought {own}"
            yield history, expect(fine, wanted, f"those of key {other}", last[0], each)
        last = each, amount


def _may_be_equal(bought: dict[str, list[tuple[datetime, Decimal]]], now: datetime) -> bool:
    """Whether two keys may have spent the same, if their latest purchases are not booked yet."""
    ranges = []
    for purchases in bought.values():
        booked = sum((cost for at, cost in purchases if at < now - _AT_ONCE), ZERO)
        ranges.append((booked, sum((cost for _, cost in purchases), ZERO)))
    (low, high), (other_low, other_high) = ranges
    return low <= other_high and other_low <= high


def _read_spent(exchange: HttpExchange) -> Decimal | None:
    """Return the total of costs, or the balance with the other sign."""
    balance = read_balance(exchange)
    return parse_decimal(exchange.object.get("total_cost")) if balance is None else -balance


def _is_pair(one: HttpExchange, other: HttpExchange) -> bool:
    """Whether two keys read the same at the same moment."""
    same = one.key != other.key and one.query == other.query
    return same and abs(other.at - one.at) <= _SOON


def _list_reads(
    histories: Sequence[History],
    operation: str,
    bought: dict[str, list[tuple[datetime, Decimal]]] | None = None,
) -> Iterator[tuple[History, HttpExchange]]:
    """Yield the reads of both keys at a service, in order; counts what is `bought` meanwhile.

    A key whose purchases are not known for certain is out of the count for good.
    """
    for history in histories:
        if history.own or (history.plan.world and not history.plan.anywhere):
            continue
        for each in history:
            if each.key not in {"a", "b"}:
                continue
            if bought is not None and each.status == 200 and each.completed:
                first = history.ended.get(each.generation)
                usage = each.object.get("usage")
                cost = usage.get("total_cost") if isinstance(usage, dict) else None
                if first is each and each.generation in history.submitted:
                    bought[each.key].append((each.at, parse_decimal(cost) or ZERO))
            if each.operation == operation and each.status == 200 and each.method == "GET":
                yield history, each


def _sum_returned(histories: Sequence[History], key: str) -> Decimal:
    """Return what may have been given back to a key: for videos that failed, or did not end."""
    total = ZERO
    for history in histories:
        for name, made in history.submitted.items():
            end = history.ended.get(name)
            if made.key == key and (end is None or end.object.get("status") == "failed"):
                total += compute_worst_price(made.request_body, history.models) or ZERO
    return total
