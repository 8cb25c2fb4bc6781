"""GP5: the price of a generation: its total, quantity and unit price."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Final, get_args

from getimg_mock.contract.exchanges import parse_decimal, read_total_cost
from getimg_mock.contract.prices import find_rate, list_rates
from getimg_mock.contract.provider.charges import (
    ZERO,
)
from getimg_mock.contract.verdicts import OK, check, expect, fail
from getimg_mock.world.catalogue import Sound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from decimal import Decimal

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Observation

_SOUNDS: Final = get_args(Sound)


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
    why="Documented; a wrong total is lost money.",
    fix="Multiply in decimals, and add no fee or rounding.",
)
def totals_are_products(history: History) -> Iterator[Observation]:
    """Require that `total_cost` equals `unit_price` times `quantity` exactly.

    Applies to the usage of every result. Fails on any other amount, and on amounts that are not
    decimals. Source: documented.
    """
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
    fix="Bill images by number of items and videos by seconds of duration.",
)
def quantities_match_their_unit(history: History) -> Iterator[Observation]:
    """Require a `quantity` of images or seconds, by the unit of the operation.

    Applies to the usage of every result. Fails on another count, and on the unit of the other
    operation. An image is one, however many files it has, or as many as these. Source: documented.
    """
    for each, usage in _list_usages(history):
        count, unit = parse_decimal(usage.get("quantity")), usage.get("billable_unit")
        if unit == "image":
            # Documented as 1; a result may have several files, and each of them may be counted.
            counts = sorted({1, len(each.items)})
            wanted = " or ".join(map(str, counts))
            yield expect(count in counts, f"quantity {wanted}", str(count), each)
        elif unit == "video_second":
            seconds = [parse_decimal(item.get("duration")) for item in each.items]
            if seconds and all(value is not None for value in seconds):
                whole = sum((value for value in seconds if value is not None), ZERO)
                yield expect(count == whole, f"quantity {whole}", str(count), each)
        made = history.submitted.get(each.generation)
        if made is not None:
            unit_of_it = "image" if made.operation == "images.generate" else "video_second"
            yield expect(unit == unit_of_it, f"billed by {unit_of_it}", unit, each)


@check(
    "GP503",
    "unit_price is the catalogue's rate for model, resolution and sound",
    severity="blocker",
    evidence="documented",
    cost="T",
    why="Budgets are computed from the catalogue before a request is sent.",
    fix="Read the price from the published rates: exact resolution and sound first, then the "
    "general rate.",
)
def prices_are_listed(history: History) -> Iterator[Observation]:
    """Require the catalogue's rate for model, resolution and sound as `unit_price`.

    Applies to the usage of results whose model has rates. Fails on another price, and on any where
    the list has none for this combination, whether it is free or charged. The choice among several
    rates is inferred. Source: documented.
    """
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
        elif _is_offered(model, made.asked) and _knows_all(rates := list_rates(model)):
            paid, listed = usage.get("unit_price"), {str(rate.get("unit_price")) for rate in rates}
            wanted = "a rate for what was ordered"
            told = f"unit_price {paid}, and the rates are {', '.join(sorted(listed))}"
            yield fail(wanted, told, made, each)


def _is_offered(model: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether a model is said to have the resolution that was asked for."""
    return asked.get("resolution") in {None, *(model.get("supported_resolutions") or ())}


def _knows_all(rates: Sequence[dict[str, Any]]) -> bool:
    """Whether there are rates, and each is for something that is known."""
    return bool(rates) and all(
        parse_decimal(rate.get("unit_price")) is not None
        and rate.get("sound") in _SOUNDS
        and isinstance(rate.get("resolution"), str | None)
        for rate in rates
    )


@check(
    "GP513",
    "The same video, longer, is never cheaper",
    severity="minor",
    evidence="assumption",
    cost="1",
    why="Holds for any price by the second.",
    fix="Compute the price as seconds times one rate.",
)
def longer_is_not_cheaper(history: History) -> Iterator[Observation]:
    """Require that a longer video is never cheaper than a shorter one.

    Applies to results of one model, resolution and sound. Fails when the cost falls with the
    duration. Source: our choice.
    """
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
