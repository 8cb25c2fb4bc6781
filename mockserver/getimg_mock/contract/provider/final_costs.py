"""What the balance and the costs show at the end of a run: all that was delivered long before.

A service may charge, and book, late. What was delivered more than `BOOKING_TIME` ago must show.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.exchanges import parse_decimal, read_balance, read_total_cost
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.prices import compute_worst_price
from getimg_mock.contract.provider.charges import ZERO, find_rounding
from getimg_mock.contract.provider.final_looks import FINAL_BALANCE, FINAL_COSTS
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation


BOOKING_TIME: Final = timedelta(seconds=75)
"""How long a service has to charge and to book what it delivered: a minute, and a little more."""

_AN_HOUR: Final = timedelta(hours=1)


def is_money_missing(histories: Sequence[History]) -> bool:
    """Whether the balance or the costs lack something that was delivered, however short ago."""
    found = (
        *find_missing_costs(histories, timedelta(0)),
        *find_missing_charges(histories, timedelta(0)),
    )
    return any(observation.failed for _, observation in found)


def find_missing_costs(
    histories: Sequence[History], time: timedelta = BOOKING_TIME
) -> Iterator[tuple[History, Observation]]:
    """GP509: at the end of a run the costs have all that was delivered, on the dates of the run."""
    for history, last in _list_final(histories, FINAL_COSTS):
        first = _find_first(histories, last)
        if first is None or first is last:
            continue
        yield history, _compare_dates(first, last)
        old, new = (parse_decimal(each.object.get("total_cost")) for each in (first, last))
        if old is None or new is None or not _covers(last, first):
            continue
        owed = _sum_delivered(histories, first, last, time)
        wanted = f"at least {old} + {owed}, which was delivered"
        shown = _describe_total(histories, last, new)
        yield history, expect(new >= old + owed, wanted, shown, first, last)


def _describe_total(histories: Sequence[History], last: HttpExchange, total: Decimal) -> str:
    """Return the total of costs, and whether another key was shown the same ones."""
    for each in (e for history in histories for e in history.with_operation(last.operation)):
        same = each.query == last.query and each.json == last.json and each.status == last.status
        if total and same and each.key in {"a", "b"} and each.key != last.key:
            return f"{total}, which are the costs that key {each.key} was shown"
    return str(total)


def find_missing_charges(
    histories: Sequence[History], time: timedelta = BOOKING_TIME
) -> Iterator[tuple[History, Observation]]:
    """GP504: at the end of a run the balance has fallen by all that was delivered.

    An account that was paid into during the run is left out.
    """
    rounding = find_rounding(histories)
    for history, last in _list_final(histories, FINAL_BALANCE):
        first = _find_first(histories, last)
        if first is None or first is last or _is_paid_into(histories, last.key):
            continue
        old, new = read_balance(first), read_balance(last)
        if old is None or new is None:
            continue
        owed = _sum_delivered(histories, first, last, time)
        wanted = f"at most {old} - {owed}, which was delivered"
        yield history, expect(new <= old - owed + rounding, wanted, str(new), first, last)


def _list_final(histories: Sequence[History], use: str) -> Iterator[tuple[History, HttpExchange]]:
    for history in histories:
        for each in history.with_role(use):
            if each.status == 200 and not history.own:
                yield history, each


def _list_reads(histories: Sequence[History], of: HttpExchange) -> Iterator[HttpExchange]:
    """Yield the reads of one key and query, in order."""
    for history in histories:
        alone = history.plan.world and not history.plan.anywhere
        for each in () if alone else history.with_operation(of.operation):
            same = each.key == of.key and each.query == of.query
            if each.status == 200 and each.method == "GET" and same:
                yield each


def _find_first(histories: Sequence[History], last: HttpExchange) -> HttpExchange | None:
    return next(_list_reads(histories, last), None)


def _is_paid_into(histories: Sequence[History], key: str) -> bool:
    """Whether a balance rose by more than was given back for failures."""
    returned, before = ZERO, None
    reads = [
        each
        for history in histories
        for each in history.with_operation("billing.balance")
        if each.status == 200 and each.method == "GET" and each.key == key
    ]
    rises = ZERO
    for each in reads:
        amount = read_balance(each)
        if amount is not None and before is not None and amount > before:
            rises += amount - before
        before = before if amount is None else amount
    for history in histories:
        for name, made in history.submitted.items():
            end = history.ended.get(name)
            if made.key == key and (end is None or end.object.get("status") == "failed"):
                returned += compute_worst_price(made.request_body, history.models) or ZERO
    return rises > returned


def _sum_delivered(
    histories: Sequence[History], first: HttpExchange, last: HttpExchange, time: timedelta
) -> Decimal:
    """Return the cost of what a key began after one read, and got some time before another."""
    total = ZERO
    ended: dict[str, HttpExchange] = {}
    for history in reversed(histories):
        ended |= history.ended
    for history in histories:
        for name, made in history.submitted.items():
            end = ended.get(name)
            if end is None or made.key != last.key or made.at < first.at:
                continue
            if made.at == first.at and made.number < first.number:
                continue
            if end.object.get("status") == "completed" and end.at < last.at - time:
                total += read_total_cost(end) or ZERO
    return total


def _covers(last: HttpExchange, first: HttpExchange) -> bool:
    """Whether a range of costs includes the whole time between two reads."""
    start = parse_instant(last.parameters.get("start"))
    end = parse_instant(last.parameters.get("end"))
    return start is not None and end is not None and start <= first.at and last.at <= end


def _compare_dates(first: HttpExchange, last: HttpExchange) -> Observation:
    """Require that the costs of no other date grew than those of the time between two reads."""
    old, new = _read_buckets(first), _read_buckets(last)
    begin, end = (first.at - _AN_HOUR).astimezone(UTC).date(), last.at.astimezone(UTC).date()
    grown = [day for day, cost in new.items() if cost > old.get(day, ZERO)]
    wrong = [day for day in grown if not f"{begin}" <= day <= f"{end}"]
    wanted = f"growth of the UTC dates from {begin} to {end} alone"
    return expect(not wrong, wanted, f"growth of {wrong}", first, last)


def _read_buckets(exchange: HttpExchange) -> dict[str, Decimal]:
    found = exchange.object.get("data")
    return {
        str(each.get("date")): parse_decimal(each.get("cost")) or ZERO
        for each in (found if isinstance(found, list) else ())
        if isinstance(each, dict)
    }
