"""Prices: the most that a request or a plan can cost by the catalogue, in US dollars."""

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
    """Return the price of one unit; an exact resolution or sound takes precedence over any."""
    resolutions = model.get("supported_resolutions") or [None]
    resolution = asked.get("resolution") or resolutions[0]  # null counts as absent
    sound = bool(asked.get("sound")) and bool(model.get("supports_sound"))
    wanted = "sound_on" if sound else "sound_off"
    best: tuple[tuple[bool, bool], Decimal] | None = None
    for rate in list_rates(model):
        price = parse_decimal(rate.get("unit_price"))
        fits = rate.get("resolution") in {resolution, None}
        if price is None or not fits or rate.get("sound") not in {wanted, "not_applicable"}:
            continue
        rank = (rate["resolution"] is None, rate["sound"] == "not_applicable")
        if best is None or rank < best[0]:
            best = (rank, price)
    return best[1] if best else None


def compute_price(model: dict[str, Any], body: dict[str, Any]) -> Decimal | None:
    """Return the price of a request, or None where the catalogue does not state it."""
    rate = find_rate(model, body)
    if rate is None or model.get("type") != "video":
        return rate
    durations = model.get("supported_durations") or [None]
    wanted = body.get("duration")
    seconds = parse_decimal(durations[0] if wanted is None else wanted)
    return None if seconds is None else rate * seconds


def compute_worst_price(body: bytes | None, models: Sequence[dict[str, Any]]) -> Decimal | None:
    """Return the most that a request could cost, however a provider reads it; None if unknown.

    A request for a known model costs at most that model's highest rate for its longest video.
    A provider that fails to refuse an unknown model could serve it by any, at the highest price.
    """
    value, flaw = read_json(body or b"") if len(body or b"") < 1 << 20 else (None, "")
    # Providers differ in which of two fields with one name they take.
    asked = value if isinstance(value, dict) and not flaw else {}
    model = next((m for m in models if m.get("id") == asked.get("model")), None)
    candidates = [model] if model is not None else list(models)
    prices = [_find_highest_price(each) for each in candidates]
    if not prices or any(price is None for price in prices):
        return None
    listed = ZERO if model is None else _compute_listed_price(model, asked)
    most = max(price for price in (*prices, listed) if price is not None)
    if listed is None or not most:
        # What has no rate of its own may cost anything, and a list that calls work free is not
        # believed: the dearest known price is reserved.
        most = max(_find_highest_price(each) or ZERO for each in models)
    return most or None


def _compute_listed_price(model: dict[str, Any], asked: dict[str, Any]) -> Decimal | None:
    """Return the price of a body that fits the catalogue; None where its rates have none for it.

    It is 0 where the values of the body are unusual.
    """
    known = set(map(str, model.get("supported_resolutions") or ()))
    if str(asked.get("resolution")) not in known:
        return ZERO
    lengths = [parse_decimal(each) for each in model.get("supported_durations") or ()]
    if "duration" in asked and lengths and parse_decimal(asked["duration"]) not in lengths:
        return ZERO
    try:
        return compute_price(model, asked)
    except (TypeError, KeyError, ArithmeticError):
        return ZERO


def list_rates(model: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rates of a model; none where a service lists something else in their place."""
    pricing = model.get("pricing")
    rates = pricing.get("rates") if isinstance(pricing, dict) else None
    sound = isinstance(rates, list) and all(isinstance(each, dict) for each in rates)
    return rates if sound and isinstance(rates, list) else []


def _find_highest_price(model: dict[str, Any]) -> Decimal | None:
    rates = [parse_decimal(rate.get("unit_price")) for rate in list_rates(model)]
    if not rates or any(rate is None or rate < 0 for rate in rates):
        return None
    most = max(rate for rate in rates if rate is not None)
    if model.get("type") != "video":
        return most
    lengths = [parse_decimal(each) for each in model.get("supported_durations") or ()]
    known = [each for each in lengths if each is not None and each > 0]
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
    """Return whether a service could charge for a request: any but a read, with a key."""
    keyed = any(
        name == "authorization" and value.partition(" ")[2].strip() for name, value in headers
    )
    return method not in {"GET", "HEAD", "OPTIONS"} and keyed


def select_affordable(
    plans: Iterable[Plan], models: Sequence[dict[str, Any]], ceiling: Decimal
) -> tuple[list[Plan], list[tuple[Plan, str]]]:
    """Return the plans that fit under `ceiling`, and the others with the reason.

    A refused request gives its reservation back, so each R1 plan has to fit by itself. The worst
    cases of R2 and R3 plans are added up.
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
