"""What generations cost, and what the costs showed before and after them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.exchanges import CENT, parse_decimal, read_balance, read_total_cost
from getimg_mock.contract.prices import compute_price
from getimg_mock.contract.verdicts import expect, fail_as

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import BalanceInterval, History
    from getimg_mock.contract.verdicts import Observation


ZERO: Final = Decimal(0)


_PLACES: Final = 2


SETTLING_TIME: Final = timedelta(seconds=10)
"""How long the costs of a service other than the fake may lag behind its deliveries."""


def sum_delivered(history: History, exchanges: Iterable[HttpExchange]) -> Decimal | None:
    """Return the cost of the generations that `exchanges` began, or None if it is unknown.

    A generation counts once, even if several responses have its id.
    """
    total = ZERO
    for name in dict.fromkeys(each.generation for each in exchanges if each.accepted):
        end = history.ended.get(name)
        if end is None:
            return None
        if end.object.get("status") == "failed":
            continue
        cost = read_total_cost(end)
        if cost is None:
            return None
        total += cost
    return total


def find_rounding(histories: Iterable[History]) -> Decimal:
    """Return by how much a shown balance may differ from the true one.

    The documented example has two decimals. A service that never shows more may round to cents.
    """
    places = [
        len(shown.partition(".")[2])
        for history in histories
        if not history.own
        for each in history.with_operation("billing.balance")
        if isinstance(shown := each.object.get("balance"), str)
    ]
    return CENT if places and max(places) <= _PLACES else ZERO


def expect_free(
    history: History, span: BalanceInterval, wanted: str, *between: HttpExchange
) -> Observation:
    """Require that a balance did not fall, apart from what earlier deliveries still cost.

    On the fake nothing may be charged late. A service may state a charge some time after it
    delivered; what exceeds all deliveries so far cannot be such a charge.
    """
    spent, rounding = span.spent, find_rounding([history])
    gone = spent if history.own else _find_unexplained(history, span)
    free = gone is not None and (gone <= rounding if rounding else gone == 0)
    return expect(free, wanted, f"{spent} gone", span.before, *between, span.after)


def _find_unexplained(history: History, span: BalanceInterval) -> Decimal | None:
    """Return by how much a balance fell beyond the price of all that its key had begun."""
    spent, last = span.spent, read_balance(span.after)
    reads = [e for e in history.with_operation("billing.balance") if e.key == span.after.key]
    first = next((found for each in reads if (found := read_balance(each)) is not None), None)
    if spent is None or first is None or last is None:
        return spent
    owed = sum_owed(history, span.after, span.after.key)
    return max(ZERO, spent if owed is None else min(spent, first - last - owed))


def sum_owed(history: History, until: HttpExchange | None, key: str) -> Decimal | None:
    """Return the cost of what a key had begun, or None if it is unknown.

    With `until`, only what was begun before that exchange. What has not ended counts with its
    listed price.
    """
    total = ZERO
    for name, made in history.submitted.items():
        if made.key != key or (until is not None and made.number > until.number):
            continue
        end = history.ended.get(name)
        cost = read_total_cost(end) if end is not None else compute_listed(history, made)
        if end is not None and end.object.get("status") == "failed":
            cost = ZERO
        if cost is None:
            return None
        total += cost
    return total


def compute_listed(history: History, made: HttpExchange) -> Decimal | None:
    """Return the listed price of what a submission asked for; None where it is not known."""
    model = history.find_model(made.asked.get("model"))
    return None if model is None else compute_price(model, made.asked)


def expect_same_costs(
    history: History,
    grown: Decimal,
    wanted: str,
    *exchanges: HttpExchange,
) -> Observation:
    """Require that the costs did not grow; a service may book earlier deliveries late."""
    if grown and not history.own:
        return fail_as("INFO", wanted, f"{grown} more", *exchanges)
    return expect(grown == 0, wanted, f"{grown} more", *exchanges)


def pair_cost_reads(
    history: History,
) -> Iterator[tuple[HttpExchange, HttpExchange, tuple[HttpExchange, ...]]]:
    """Yield successive reads of one range of costs by one key, and its exchanges between them.

    At both reads every generation has ended. Downloads need no key: they count for every key.
    """
    last: dict[tuple[str, str], int] = {}
    for place, each in enumerate(history.exchanges):
        shown = each.operation == "billing.costs" and each.method == "GET" and each.status == 200
        if not shown or not history.is_settled(each) or not is_up_to_date(history, each):
            continue
        if (each.key, each.query) in last:
            start = last[each.key, each.query]
            between = history.exchanges[start + 1 : place]
            mine = tuple(e for e in between if e.key == each.key or e.key not in {"a", "b"})
            yield history.exchanges[start], each, mine
        last[each.key, each.query] = place


def is_up_to_date(history: History, exchange: HttpExchange) -> bool:
    """Whether the costs must be up to date: on the fake always, elsewhere after a settling time."""
    return history.own or not any(
        end.number < exchange.number and exchange.at - end.at < SETTLING_TIME
        for end in history.ended.values()
    )


def compute_growth(first: HttpExchange, last: HttpExchange) -> Decimal | None:
    """Return by how much the total costs grew between two reads; None if one cannot be read."""
    old, new = (
        parse_decimal(first.object.get("total_cost")),
        parse_decimal(last.object.get("total_cost")),
    )
    return None if old is None or new is None else new - old
