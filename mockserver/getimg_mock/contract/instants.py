"""Instants as answers write them, and the range of days around one.

Scripts that `replay --script` writes carry a copy of this module, so it imports the standard
library only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any


def parse_instant(value: Any) -> datetime | None:
    """Return the instant of an ISO 8601 timestamp with an offset, or of Unix seconds, or None."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        value = str(value)
    return _parse_text(value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)  # the same few moments are in many answers, and many checks read them
def _parse_text(text: str) -> datetime | None:
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(text))
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return instant if instant.tzinfo is not None else None


def build_days_query(instant: datetime, fewer: int = 0) -> str:
    """Return the query for the costs of 32 days, or `fewer`, from the day before `instant`."""
    first = instant.astimezone(UTC).date() - timedelta(days=1)
    last = first + timedelta(days=31 - fewer)
    return f"start={first}T00:00:00Z&end={last}T23:59:59Z"


def build_other_days_query(instant: datetime, name: str) -> str:
    """Return the query for fewer days, or for `past`: the 180 days of which `instant` is the last.

    No range may be longer.
    """
    if name != "past":
        return build_days_query(instant, int(name))
    last = instant.astimezone(UTC).date()
    return f"start={last - timedelta(days=179)}T00:00:00Z&end={last}T23:59:59Z"
