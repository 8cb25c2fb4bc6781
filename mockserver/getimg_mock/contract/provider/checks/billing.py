"""GP5: money, in exact decimals."""

from __future__ import annotations

import itertools
from datetime import UTC, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.exchanges import parse_decimal, read_balance, read_total_cost
from getimg_mock.contract.instants import parse_instant
from getimg_mock.contract.prices import find_rate
from getimg_mock.contract.verdicts import OK, check, expect, fail, note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import BalanceInterval, History
    from getimg_mock.contract.verdicts import Observation

ZERO: Final = Decimal(0)
SETTLING_TIME: Final = timedelta(seconds=10)
"""How long the costs of a service that is not ours may lag behind what it delivered."""


def _list_usages(history: History) -> Iterator[tuple[HttpExchange, dict[str, Any]]]:
    for each in history.results:
        usage = each.object.get("usage")
        if isinstance(usage, dict):
            yield each, usage


@check(
    "GP501",
    "total_cost is unit_price times quantity, exactly",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="Documented; a bill that does not add up is money lost.",
)
def totals_are_products(history: History) -> Iterator[Observation]:
    """GP501."""
    for each, usage in _list_usages(history):
        price, count = parse_decimal(usage.get("unit_price")), parse_decimal(usage.get("quantity"))
        total = parse_decimal(usage.get("total_cost"))
        if price is None or count is None or total is None:
            yield fail("three amounts", usage, each)
        else:
            yield expect(
                total == price * count, f"{price} x {count} = {price * count}", str(total), each
            )


@check(
    "GP502",
    "quantity is the number of images, or the seconds of the video",
    severity="blocker",
    evidence="documented",
    cost="T",
    why="Documented units; a wrong count multiplies the price.",
)
def quantities_match_their_unit(history: History) -> Iterator[Observation]:
    """GP502."""
    for each, usage in _list_usages(history):
        count, unit = parse_decimal(usage.get("quantity")), usage.get("billable_unit")
        if unit == "image":
            yield expect(count == len(each.items), f"quantity {len(each.items)}", str(count), each)
        elif unit == "video_second":
            seconds = [parse_decimal(item.get("duration")) for item in each.items]
            if seconds and all(value is not None for value in seconds):
                whole = sum((value for value in seconds if value is not None), ZERO)
                yield expect(count == whole, f"quantity {whole}", str(count), each)
        made = history.submitted.get(each.generation)
        if made is not None:
            wanted = "image" if made.operation == "images.generate" else "video_second"
            yield expect(unit == wanted, f"billed by {wanted}", unit, each)


@check(
    "GP503",
    "unit_price is the catalogue's rate for model, resolution and sound",
    severity="blocker",
    evidence="documented",
    cost="T",
    why="Budgets are computed from the catalogue before anything is sent.",
)
def prices_are_listed(history: History) -> Iterator[Observation]:
    """GP503."""
    for each, usage in _list_usages(history):
        made = history.submitted.get(each.generation)
        model = history.find_model(made.asked.get("model")) if made is not None else None
        if made is None or model is None:
            continue
        price = find_rate(model, made.asked)
        if price is not None:
            yield expect(
                parse_decimal(usage.get("unit_price")) == price,
                f"the listed price {price}",
                str(usage.get("unit_price")),
                made,
                each,
            )


def _sum_delivered(history: History, exchanges: Iterable[HttpExchange]) -> Decimal | None:
    """Return what the generations that were begun in `exchanges` cost, or None if unknown.

    A generation counts once, however many requests were answered with it.
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


def _has_unknown_outcome(span: BalanceInterval) -> bool:
    return any(
        each.submits and (each.status in {0, 200, 202}) and not each.generation
        for each in span.between
    )


@check(
    "GP504",
    "The balance falls by the total_cost of what was delivered, by nothing else",
    severity="blocker",
    evidence="assumption",
    cost="T",
    why="The balance is the money; anything else that moves it is lost money.",
)
def balances_follow_costs(history: History) -> Iterator[Observation]:
    """GP504."""
    for span in history.settled_intervals:
        total = _sum_delivered(history, span.between)
        if total is None or span.spent is None or _has_unknown_outcome(span):
            continue
        yield expect(
            span.spent == total,
            f"the balance falls by {total}",
            f"by {span.spent}",
            span.before,
            *[each for each in span.between if each.accepted][:4],
            span.after,
        )


@check(
    "GP505",
    "A refused request (4xx, 429, 5xx) costs nothing",
    severity="blocker",
    evidence="assumption",
    cost="0",
    why="Nothing was delivered.",
)
def refusals_are_free(history: History) -> Iterator[Observation]:
    """GP505."""
    for span in (*history.settled_intervals, *_find_instant_intervals(history)):
        sent = [each for each in span.between if each.method == "POST"]
        if sent and all(each.status >= 400 for each in sent):
            yield expect(
                span.spent == 0,
                "refused requests are free",
                f"{span.spent} gone",
                span.before,
                *sent[:4],
                span.after,
            )


def _find_instant_intervals(history: History) -> Iterator[BalanceInterval]:
    """Yield where only submissions were sent, and no time passed in which a video could end."""
    for window in history.balance_intervals if history.own else ():
        if window.before.at == window.after.at and all(each.submits for each in window.between):
            yield window


@check(
    "GP506",
    "A failed video costs nothing",
    severity="blocker",
    evidence="assumption",
    cost="1",
    why="Nothing was delivered.",
)
def failures_are_free(history: History) -> Iterator[Observation]:
    """GP506."""
    for span in history.settled_intervals:
        begun = _find_failures(history, span.between)
        if begun:
            yield expect(
                span.spent == 0,
                "failed videos are free",
                f"{span.spent} gone",
                span.before,
                *begun[:3],
                span.after,
            )
    for first, last, between in pair_cost_reads(history):
        begun, grown = _find_failures(history, between), _compute_growth(first, last)
        if begun and grown is not None:
            yield expect(
                grown == 0, "no failed video in the costs", f"{grown} more", first, *begun[:3], last
            )


def _find_failures(history: History, exchanges: Sequence[HttpExchange]) -> list[HttpExchange]:
    """Return what began generations; nothing, unless they all failed."""
    begun = [each for each in exchanges if each.accepted]
    ends = [history.ended.get(each.generation) for each in begun]
    return begun if all(end and end.object.get("status") == "failed" for end in ends) else []


@check(
    "GP507",
    "A generation is charged once, however often one looks and downloads",
    severity="blocker",
    evidence="assumption",
    cost="T",
    why="Clients look as often as they like.",
)
def generations_are_charged_once(history: History) -> Iterator[Observation]:
    """GP507."""
    for span in history.settled_intervals:
        reads = _select_reads(span.between)
        if reads:
            yield expect(
                span.spent == 0,
                "no charge for looking and downloading again",
                f"{span.spent} gone",
                span.before,
                *reads[:4],
                span.after,
            )
    for first, last, between in pair_cost_reads(history):
        reads, grown = _select_reads(between), _compute_growth(first, last)
        if reads and grown is not None:
            yield expect(
                grown == 0,
                "no costs of looking and downloading again",
                f"{grown} more",
                first,
                *reads[:4],
                last,
            )


def _select_reads(exchanges: Sequence[HttpExchange]) -> list[HttpExchange]:
    """Return what looked at videos and files; nothing, if anything was submitted as well."""
    if any(each.submits for each in exchanges):
        return []
    return [e for e in exchanges if e.operation in {"videos.retrieve", "downloads.retrieve"}]


def pair_cost_reads(
    history: History,
) -> Iterator[tuple[HttpExchange, HttpExchange, tuple[HttpExchange, ...]]]:
    """Yield successive looks of a key at one range of costs, with what the key did between them.

    At both looks everything begun has ended. Downloads need no key: they belong to every key.
    """
    last: dict[tuple[str, str], int] = {}
    for place, each in enumerate(history.exchanges):
        shown = each.operation == "billing.costs" and each.method == "GET" and each.status == 200
        if not shown or not history.is_settled(each) or not _is_up_to_date(history, each):
            continue
        if (each.key, each.query) in last:
            start = last[each.key, each.query]
            between = history.exchanges[start + 1 : place]
            mine = tuple(e for e in between if e.key == each.key or e.key not in {"a", "b"})
            yield history.exchanges[start], each, mine
        last[each.key, each.query] = place


def _is_up_to_date(history: History, exchange: HttpExchange) -> bool:
    """Whether the books can be up to date: of our fake always, of others some time after an end."""
    return history.own or not any(
        end.number < exchange.number and exchange.at - end.at < SETTLING_TIME
        for end in history.ended.values()
    )


@check(
    "GP508",
    "Costs: the total is the sum; one bucket for each UTC date, ascending",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented; charts and budgets are drawn from it.",
)
def costs_add_up(history: History) -> Iterator[Observation]:
    """GP508."""
    for each in history.with_operation("billing.costs"):
        if each.status != 200 or each.method != "GET":
            continue
        buckets = each.object.get("data")
        if not isinstance(buckets, list):
            yield fail("a list of buckets", buckets, each)
            continue
        amounts = [parse_decimal(bucket.get("cost")) for bucket in buckets]
        total = sum((amount for amount in amounts if amount is not None), ZERO)
        yield expect(
            parse_decimal(each.object.get("total_cost")) == total,
            f"total_cost {total}",
            str(each.object.get("total_cost")),
            each,
        )
        dates = [str(bucket.get("date")) for bucket in buckets]
        wanted = _list_dates(each)
        if wanted is not None:
            yield expect(
                dates == wanted,
                f"one bucket for each UTC date, {len(wanted)} ascending",
                _describe_difference(dates, wanted),
                each,
            )


def _list_dates(exchange: HttpExchange) -> list[str] | None:
    start = parse_instant(exchange.parameters.get("start"))
    end = parse_instant(exchange.parameters.get("end"))
    if start is None or end is None or end < start:
        return None
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    return [f"{first + timedelta(days=day)}" for day in range((last - first).days + 1)]


def _describe_difference(found: list[str], wanted: list[str]) -> str:
    missing = [day for day in wanted if day not in found][:3]
    extra = [day for day in found if day not in wanted][:3]
    return f"{len(found)} buckets; missing {missing}, beyond {extra}, ends {found[-1:]}"


@check(
    "GP509",
    "The costs grow by what was delivered",
    severity="blocker",
    evidence="assumption",
    cost="T",
    why="Two books of one account must agree. A service that is not ours has ten seconds to "
    "bring them up to date.",
)
def costs_match_charges(history: History) -> Iterator[Observation]:
    """GP509."""
    before = [each for each in history.with_role("costs-before") if each.status == 200]
    for first in before:
        for last in history.with_role("costs-after"):
            if last.status != 200 or last.key != first.key or last.query != first.query:
                continue
            if not (
                history.is_settled(first)
                and history.is_settled(last)
                and _is_up_to_date(history, last)
            ):
                continue
            between = [
                each
                for each in history
                if first.number < each.number < last.number and each.key == first.key
            ]
            total = _sum_delivered(history, between)
            grown = _compute_growth(first, last)
            if total is not None:
                yield expect(grown == total, f"costs grow by {total}", f"by {grown}", first, last)


def _compute_growth(first: HttpExchange, last: HttpExchange) -> Decimal | None:
    old, new = (
        parse_decimal(first.object.get("total_cost")),
        parse_decimal(last.object.get("total_cost")),
    )
    return None if old is None or new is None else new - old


@check(
    "GP510",
    "A range needs zones, end after start and at most 180 days",
    severity="major",
    evidence="documented",
    cost="0",
    why="Documented rules; a range read in another zone is another day's bill. Which dates a "
    "range holds at midnight, and where clocks change, is recorded only.",
)
def ranges_follow_their_rules(history: History) -> Iterator[Observation]:
    """GP510."""
    for each in history.with_fault("range"):
        field = each.step.field if each.step else ""
        yield expect(
            400 <= each.status < 500, f"4xx: {field}", f"{each.status} {each.body[:100]!r}", each
        )
    for each in history.with_role("range-valid"):
        yield expect(
            each.status == 200, f"200 for {each.query}", f"{each.status} {each.body[:100]!r}", each
        )
    looks = history.with_role("range-inclusive")
    if looks:
        yield note("; ".join(_describe_range(each) for each in looks), *looks)


def _describe_range(exchange: HttpExchange) -> str:
    """Return what a range turned out to hold: which dates, and what they cost."""
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
    why="Holds for any ledger, whatever is in it.",
)
def ranges_are_additive(history: History) -> Iterator[Observation]:
    """GP511."""
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


@check(
    "GP512",
    "The balance never goes below 0; what cannot be paid is 402 before any work",
    severity="blocker",
    evidence="assumption",
    cost="fake",
    why="Documented: a prepaid balance.",
)
def balances_stay_above_zero(history: History) -> Iterator[Observation]:
    """GP512."""
    for each in history.with_operation("billing.balance"):
        amount = read_balance(each)
        if each.status == 200 and amount is not None:
            yield expect(amount >= 0, "a balance of at least 0", str(amount), each)
    for each in history.with_role("too-dear"):
        yield expect(
            each.status == 402, "402 before any work", f"{each.status} {each.body[:100]!r}", each
        )
        if each.effects is not None:
            yield expect(not each.effects, "no work for what cannot be paid", each.effects, each)


@check(
    "GP513",
    "The same video, longer, is never cheaper",
    severity="minor",
    evidence="assumption",
    cost="1",
    why="Holds for any price by the second.",
)
def longer_is_not_cheaper(history: History) -> Iterator[Observation]:
    """GP513."""
    kinds: dict[tuple[Any, ...], list[tuple[Decimal, Decimal, HttpExchange]]] = {}
    for each in history.results:
        made = history.submitted.get(each.generation)
        total = read_total_cost(each)
        seconds = parse_decimal(each.items[0].get("duration")) if each.items else None
        if made is None or total is None or seconds is None:
            continue
        kind = tuple(made.asked.get(name) for name in ("model", "resolution", "sound"))
        kinds.setdefault(kind, []).append((seconds, total, each))
    for found in kinds.values():
        found.sort(key=lambda one: one[:2])
        for (short, low, one), (long, high, other) in itertools.pairwise(found):
            if short < long:
                yield (
                    expect(
                        low <= high,
                        f"{long} s not cheaper than {short} s ({low})",
                        str(high),
                        one,
                        other,
                    )
                    if low > high
                    else OK
                )
