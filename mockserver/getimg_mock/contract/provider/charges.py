"""What generations cost, and what the costs showed before and after them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.exchanges import parse_decimal, read_total_cost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History


ZERO: Final = Decimal(0)


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
