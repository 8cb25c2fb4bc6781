"""Prices: what a request, and a plan, can cost at most, by the catalogue."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.exchanges import parse_decimal
from getimg_mock.contract.json_reading import read_json
from getimg_mock.contract.plans import Price

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from getimg_mock.contract.plans import Plan

ZERO: Final = Decimal(0)


def find_rate(model: dict[str, Any], asked: dict[str, Any]) -> Decimal | None:
    """Return the price of one unit: exact resolution before any, exact sound before fallback."""
    resolutions = model.get("supported_resolutions") or [None]
    resolution = asked.get("resolution", resolutions[0])
    sound = bool(asked.get("sound")) and bool(model.get("supports_sound"))
    wanted = "sound_on" if sound else "sound_off"
    best: tuple[tuple[bool, bool], Decimal] | None = None
    for rate in model.get("pricing", {}).get("rates", ()):
        price = parse_decimal(rate.get("unit_price"))
        fits = rate.get("resolution") in {resolution, None}
        if price is None or not fits or rate.get("sound") not in {wanted, "not_applicable"}:
            continue
        rank = (rate["resolution"] is None, rate["sound"] == "not_applicable")
        if best is None or rank < best[0]:
            best = (rank, price)
    return best[1] if best else None


def compute_price(model: dict[str, Any], body: dict[str, Any]) -> Decimal | None:
    """Return what a request costs by the catalogue, or None where that is unknown."""
    rate = find_rate(model, body)
    if rate is None or model.get("type") != "video":
        return rate
    durations = model.get("supported_durations") or [None]
    seconds = parse_decimal(body.get("duration", durations[0]))
    return None if seconds is None else rate * seconds


def compute_worst_price(body: bytes | None, models: Sequence[dict[str, Any]]) -> Decimal | None:
    """Return the most that a request could cost, whatever a provider makes of it; None if unknown.

    A request whose model is known costs at most that model's dearest rate for its longest video;
    one that should be refused anyway could be served by any model, at the dearest price of all.
    """
    value, flaw = read_json(body or b"") if len(body or b"") < 1 << 20 else (None, "")
    # Of two fields with one name nobody knows which a provider takes.
    asked = value if isinstance(value, dict) and not flaw else {}
    model = next((m for m in models if m.get("id") == asked.get("model")), None)
    candidates = [model] if model is not None else list(models)
    prices = [_find_highest_price(each) for each in candidates]
    if model is not None:
        prices.append(_compute_listed_price(model, asked))
    if not prices or any(price is None for price in prices):
        return None
    return max(price for price in prices if price is not None)


def _compute_listed_price(model: dict[str, Any], asked: dict[str, Any]) -> Decimal | None:
    """Return what the catalogue says; an odd body costs at most the dearest, which is there too."""
    known = set(map(str, model.get("supported_resolutions") or ()))
    if not model.get("pricing", {}).get("rates"):
        return None
    if str(asked.get("resolution")) not in known:
        return ZERO
    lengths = [parse_decimal(each) for each in model.get("supported_durations") or ()]
    if "duration" in asked and lengths and parse_decimal(asked["duration"]) not in lengths:
        return ZERO
    try:
        return compute_price(model, asked)
    except (TypeError, KeyError, ArithmeticError):
        return ZERO


def _find_highest_price(model: dict[str, Any]) -> Decimal | None:
    rates = [
        parse_decimal(rate.get("unit_price")) for rate in model.get("pricing", {}).get("rates", ())
    ]
    if not rates or any(rate is None for rate in rates):
        return None
    most = max(rate for rate in rates if rate is not None)
    if model.get("type") != "video":
        return most
    lengths = [parse_decimal(each) for each in model.get("supported_durations") or ()]
    known = [each for each in lengths if each is not None]
    return most * max(known) if known else None


def compute_plan_price(plan: Plan, models: Sequence[dict[str, Any]]) -> Price:
    """Return the most that a plan could cost."""
    total, unknown = ZERO, []
    for step in plan.submissions:
        price = compute_worst_price(step.body, models)
        if price is None:
            unknown.append(step.name or step.field or step.path)
        else:
            total += price
    worst = None if unknown else str(total)
    return Price(worst, len(plan.submissions), tuple(unknown))


def could_cost(method: str, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether a service could make a generation of a request: any POST with a key."""
    keyed = any(
        name == "authorization" and value.partition(" ")[2].strip() for name, value in headers
    )
    return method not in {"GET", "HEAD", "OPTIONS"} and keyed


def select_affordable(
    plans: Iterable[Plan], models: Sequence[dict[str, Any]], ceiling: Decimal
) -> tuple[list[Plan], list[tuple[Plan, str]]]:
    """Return the plans that would be run under `ceiling`, and the others with the reason.

    What R1 reserves is given back when it is refused, so each of its plans has to fit alone; the
    worst cases of R2 and R3 are added up.
    """
    chosen: list[Plan] = []
    left: list[tuple[Plan, str]] = []
    total = ZERO
    for plan in plans:
        price = compute_plan_price(plan, models)
        if price.worst is None:
            left.append((plan, f"the price of {', '.join(price.unknown[:3])} is unknown"))
        elif price.submissions and total + Decimal(price.worst) > ceiling:
            left.append((plan, f"its worst case, {price.worst} USD, does not fit in the budget"))
        else:
            total += Decimal(price.worst) if plan.tier >= "R2" else ZERO
            chosen.append(plan)
    return chosen, left
