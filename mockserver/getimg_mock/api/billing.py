"""`GET /v2/billing/balance` and `GET /v2/billing/costs` (documented)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from getimg_mock.api.formatting import format_decimal, format_timestamp, to_json_number
from getimg_mock.api.messages import Answer
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    from getimg_mock.api.messages import Call

MAX_RANGE: Final = timedelta(days=180)

# Servers decode a raw '+' in a query string as a space; some SDKs send one (documented).
_LOST_PLUS: Final = re.compile(r"(?<=[0-9]) (?=\d{2}:?\d{2}$)")
_SHAPE: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)


async def retrieve_balance(call: Call) -> Answer:
    """Answer with the balance as a decimal string."""
    available = format_decimal(call.owner.compute_balance())
    return Answer.of_json(200, {"balance": available, "currency": "USD"})


async def retrieve_costs(call: Call) -> Answer:
    """Answer with one bucket per UTC date from `start` to `end`, both included."""
    strict = call.fake.settings.strictness == "full"
    start, end = _read_moment(call, "start"), _read_moment(call, "end")
    if strict:
        _check_range(start, end)
    first, last = start.date(), end.date()
    dates = _list_dates(first, last)
    # Most dates have no costs.
    booked = {
        f"{day}": cost for day, cost in call.owner.compute_costs().items() if first <= day <= last
    }
    numbers = {day: to_json_number(booked[day]) for day in dates if day in booked}
    total = sum((booked[day] for day in numbers), Decimal(0))
    return Answer.of_json(
        200,
        {
            "currency": "USD",
            "data": [{"date": day, "cost": numbers.get(day, 0)} for day in dates],
            "start": format_timestamp(start),
            "end": format_timestamp(end),
            "total_cost": to_json_number(total),
        },
    )


def _read_moment(call: Call, name: str) -> datetime:
    text = call.query(name)
    if text is None:
        raise Refusal("parameter_missing", f"Missing required parameter: '{name}'.", param=name)
    moment = _parse_datetime(_LOST_PLUS.sub("+", text))
    if moment is None:
        raise Refusal(
            "invalid_parameter",
            f"Invalid '{name}': '{text[:80]}' is not an ISO 8601 date-time.",
            param=name,
            hint="write 2026-09-01T00:00:00Z",
        )
    if moment.tzinfo is None:
        raise Refusal(
            "invalid_parameter",
            f"Invalid '{name}': '{text[:80]}' has no time zone.",
            param=name,
            hint=f"write {text[:40]}Z for UTC",
        )
    return moment


def _parse_datetime(text: str) -> datetime | None:
    """Parse an ISO 8601 date-time, into UTC if it has a zone; return None if it is invalid."""
    if not _SHAPE.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
        return moment if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _check_range(start: datetime, end: datetime) -> None:
    if end <= start:
        raise Refusal("invalid_parameter", "'end' must be after 'start'.", param="end")
    if end - start > MAX_RANGE:
        raise Refusal(
            "invalid_parameter",
            "'end' must be within 180 days of 'start'.",
            param="end",
            hint=f"this range has {(end - start) / timedelta(days=1):.2f} days",
        )


@lru_cache(maxsize=64)
def _list_dates(first: date, last: date) -> tuple[str, ...]:
    """Return the dates in the range: at most 181, since the lenient mode accepts any range."""
    count = min((last - first).days, MAX_RANGE.days) + 1
    return tuple(f"{first + timedelta(days=day)}" for day in range(max(0, count)))
