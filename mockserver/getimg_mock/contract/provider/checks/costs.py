"""GP5: the costs by date, and the ranges that they are requested for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.provider.charges import (
    ZERO,
    compute_growth,
    is_up_to_date,
    sum_delivered,
    sum_owed,
)
from getimg_mock.contract.provider.final_costs import find_missing_costs
from getimg_mock.contract.provider.mixed_up_books import find_falling_costs, find_shared_costs
from getimg_mock.contract.verdicts import check, expect, fail, fail_as, note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from decimal import Decimal

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.json_bodies import JsonBody
    from getimg_mock.contract.verdicts import Observation

_LEAST_ZONE: Final = timedelta(minutes=15)
"""The offsets of all zones are multiples of it."""


@check(
    "GP508",
    "Costs: the total is the sum; one bucket for each UTC date, ascending",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented; charts and budgets are computed from it.",
    fix="Generate one bucket for each UTC date in the range, and sum the buckets in decimals.",
)
def costs_add_up(history: History) -> Iterator[Observation]:
    """Require that costs add up, with one bucket for each UTC date in ascending order.

    Applies to successful cost requests. Fails on a wrong total, on missing, repeated or unordered
    dates, and on a start or end that was moved by a zone. Buckets of zero are inferred. Source:
    documented.
    """
    for each in history.with_operation("billing.costs"):
        if each.status != 200 or each.method != "GET":
            continue
        buckets = each.object.get("data")
        if not isinstance(buckets, list):
            yield fail("a list of buckets", buckets, each)
            continue
        books = each.parsed.examine(_sum_buckets)
        yield expect(books.good, f"total_cost {books.total}", books.shown, each)
        yield from _check_echo(each)
        yield from _check_dates(history, each, books)


class _Buckets(NamedTuple):
    """The costs by date of a body: their dates and sum, and the total that it shows."""

    dates: list[str]
    total: Decimal
    shown: str
    good: bool
    has_zero: bool


def _sum_buckets(body: JsonBody) -> _Buckets:
    value = body.decoded[0]
    amounts = [parse_decimal(bucket.get("cost")) for bucket in value["data"]]
    total = sum((amount for amount in amounts if amount is not None), ZERO)
    return _Buckets(
        [str(bucket.get("date")) for bucket in value["data"]],
        total,
        str(value.get("total_cost")),
        parse_decimal(value.get("total_cost")) == total,
        0 in amounts,
    )


def _check_dates(history: History, each: HttpExchange, books: _Buckets) -> Iterator[Observation]:
    """Require one bucket for each UTC date of a range."""
    dates, wanted = books.dates, _list_dates(each.query)
    if wanted is not None and not history.own and not books.has_zero:
        # That dates without costs have a bucket is inferred.
        listed = [day for day in wanted if day in dates]
        yield expect(dates == listed, "UTC dates of the range, ascending", dates, each)
    elif wanted is not None:
        yield expect(
            dates == wanted,
            f"one bucket for each UTC date, {len(wanted)} ascending",
            "" if dates == wanted else _describe_difference(dates, wanted),
            each,
        )


def _check_echo(each: HttpExchange) -> Iterator[Observation]:
    """Require that the range of an answer is not shifted by the hours of a zone.

    It may be in another zone, rounded, or that of the whole dates.
    """
    for name, asked in zip(("start", "end"), _read_range(each.query), strict=True):
        shown = parse_instant(each.object.get(name))
        if asked is None or shown is None:
            continue
        shift = abs(shown - asked)
        midnight = (shown.astimezone(UTC) + timedelta(seconds=1)).time() <= time(0, 0, 1)
        moved = timedelta(0) < shift <= timedelta(days=1) and not shift % _LEAST_ZONE
        yield expect(not moved or midnight, f"{name} {asked}", str(shown), each)


def _read_range(query: str) -> tuple[datetime | None, datetime | None]:
    """Return start and end of a query; a raw `+` is that of a zone, as official SDKs send it."""
    parameters = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))
    return parse_instant(parameters.get("start")), parse_instant(parameters.get("end"))


@lru_cache(maxsize=256)
def _list_dates(query: str) -> list[str] | None:
    """Return the UTC dates of the range in a query; None where there is no range."""
    start, end = _read_range(query)
    if start is None or end is None or end < start:
        return None
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    return [f"{first + timedelta(days=day)}" for day in range((last - first).days + 1)]


def _describe_difference(found: list[str], wanted: list[str]) -> str:
    missing = [day for day in wanted if day not in found][:3]
    extra = [day for day in found if day not in wanted][:3]
    return f"{len(found)} buckets; missing {missing}, beyond {extra}, ends {found[-1:]}"


def _find_excess(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """Require that costs never grew beyond all that was delivered since they were first read.

    A service may book costs late, so its costs are compared over all plans. Where they have fallen,
    a plan had an account of its own, and counting begins anew.
    """
    books: dict[tuple[str, str], _Books] = {}
    for history in histories:
        if history.own:
            continue
        for each in history.with_operation("billing.costs"):
            total = parse_decimal(each.object.get("total_cost")) if each.status == 200 else None
            if total is None or each.method != "GET" or each.key not in {"a", "b"}:
                continue
            known = books.get((each.key, each.query))
            if known is None or total < known.total:
                books[each.key, each.query] = _Books(each, total, total)
                known = books[each.key, each.query]
            known.total = total
            owed = _sum_since(histories, history, known.first, each)
            if owed is not None:
                yield (
                    history,
                    expect(
                        total <= known.opening + owed,
                        f"costs of at most {known.opening} + {owed}, which was delivered",
                        str(total),
                        each,
                    ),
                )


def _compare_over_a_run(histories: Sequence[History]) -> Iterator[tuple[History, Observation]]:
    """Require that costs grow by all that was delivered in a run, on its dates, and no more.

    They never fall, and are not those of another workspace.
    """
    yield from _find_excess(histories)
    yield from find_missing_costs(histories)
    yield from find_falling_costs(histories)
    yield from find_shared_costs(histories)


@dataclass(slots=True)
class _Books:
    """The first read of one range of costs, its total, and the latest total."""

    first: HttpExchange
    opening: Decimal
    total: Decimal


def _sum_since(
    histories: Sequence[History], last: History, first: HttpExchange, until: HttpExchange
) -> Decimal | None:
    """Return the cost of all that the key of a read had begun in the run up to it.

    What was delivered before the `first` read counts too: it may have been booked after it.
    """
    total = ZERO
    for history in histories:
        at_end = history is last
        if history.carried or not history.models:
            return None
        owed = sum_owed(history, until if at_end else None, first.key)
        if owed is None:
            return None
        total += owed
        if at_end:
            break
    return total


@check(
    "GP509",
    "The costs grow by what was delivered",
    severity="blocker",
    evidence="common-sense",
    cost="T",
    across=_compare_over_a_run,
    why="Balance and costs describe the same money. A service other than the fake has ten "
    "seconds to update its costs.",
    fix="Book each delivered generation in the costs, with the amount of its usage.",
)
def costs_match_charges(history: History) -> Iterator[Observation]:
    """Require that the costs grow by the `total_cost` of what was delivered.

    Applies to cost reads before and after generations, ten seconds after the last end. Fails on
    another growth. A service may book late: it fails on more than all that was delivered, at the
    end of a run on less than what was delivered 75 s before, and on growth of another date.
    Source: our choice.
    """
    for first, last in _pair_cost_reads(history):
        between = [
            each
            for each in history
            if first.number < each.number < last.number and each.key == first.key
        ]
        total, grown = sum_delivered(history, between), compute_growth(first, last)
        if total is None or grown is None:
            continue
        wanted, came = f"costs grow by {total}", f"by {grown}"
        if grown != total and not history.own:  # costs may be booked late: see `_find_excess`
            yield fail_as("INFO", wanted, came, first, last)
        else:
            yield expect(grown == total, wanted, came, first, last)


def _pair_cost_reads(history: History) -> Iterator[tuple[HttpExchange, HttpExchange]]:
    """Yield the reads of one range before and after generations, when all is settled."""
    for first in history.with_role("costs-before"):
        for last in history.with_role("costs-after"):
            if (
                first.status == last.status == 200
                and last.key == first.key
                and last.query == first.query
                and history.is_settled(first)
                and history.is_settled(last)
                and is_up_to_date(history, last)
            ):
                yield first, last


@check(
    "GP510",
    "A range needs zones, end after start and at most 180 days",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented rules; another zone means another day's bill. Which dates a range "
    "includes at midnight, and where clocks change, is only noted.",
    fix="Parse both times with their zones, and check their order and distance before reading the "
    "costs.",
)
def ranges_follow_their_rules(history: History) -> Iterator[Observation]:
    """Require a 4xx for a range without zone, with end before start, or over 180 days.

    Applies to cost requests; valid ranges must get 200. What a range includes at midnight is only
    noted. Source: documented.
    """
    for each in history.with_fault("range"):
        field = each.step.field if each.step else ""
        wanted, shown = f"4xx: {field}", f"{each.status} {each.body[:100]!r}"
        if each.status == 200 and field == "end is start" and not history.own:
            yield fail_as("INFO", wanted, shown, each)  # an official SDK sends it
        else:
            yield expect(400 <= each.status < 500, wanted, shown, each)
    for each in history.with_role("range-valid"):
        yield expect(
            each.status == 200, f"200 for {each.query}", f"{each.status} {each.body[:100]!r}", each
        )
    looks = history.with_role("range-inclusive")
    if looks:
        yield note("; ".join(_describe_range(each) for each in looks), *looks)


def _describe_range(exchange: HttpExchange) -> str:
    """Return the dates that a range includes, and their cost."""
    name = exchange.step.field if exchange.step else ""
    buckets = exchange.values.get("date", [])
    if exchange.status != 200 or not buckets:
        return f"{name}: {exchange.status}"
    return (
        f"{name}: {buckets[0]} to {buckets[-1]}, {parse_decimal(exchange.object.get('total_cost'))}"
    )


@check(
    "GP511",
    "The costs of two adjoining ranges are those of the whole",
    severity="major",
    evidence="assumption",
    cost="0",
    why="Holds for any ledger.",
    fix="Assign each cost to one UTC date, and include both ends of a range.",
)
def ranges_are_additive(history: History) -> Iterator[Observation]:
    """Require that the costs of two adjoining ranges equal those of the whole.

    Applies to groups of three cost requests. Fails when the sums differ. Source: our choice.
    """
    for group in history.groups.values():
        parts = {each.use: parse_decimal(each.object.get("total_cost")) for each in group}
        whole, first, second = (parts.get(f"range-{name}") for name in ("ac", "ab", "bc"))
        if whole is not None and first is not None and second is not None:
            yield expect(
                first + second == whole,
                f"{first} + {second} = {first + second}",
                str(whole),
                *group,
            )
