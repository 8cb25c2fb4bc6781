"""Formats times and money as the API does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from getimg_mock.world.clock import EPOCH

CENT: Final = Decimal("0.01")


def format_timestamp(moment: datetime) -> str:
    """Format a time as documented: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=64)
def format_unix_timestamp(seconds: int) -> str:
    """Format Unix seconds as `format_timestamp` does."""
    return format_timestamp(EPOCH + timedelta(seconds=seconds))


@lru_cache(maxsize=64)
def _format_http_date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode("ascii")


def format_http_date(moment: datetime) -> bytes:
    """Format a time as HTTP headers do."""
    return _format_http_date(int(moment.timestamp()))


@lru_cache(maxsize=1024)
def to_json_number(amount: Decimal) -> float | int:
    """Return an amount as a JSON number whose shortest form is the exact decimal."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def format_decimal(amount: Decimal) -> str:
    """Return an amount as a decimal string with two decimals, or more where needed."""
    rounded = amount.quantize(CENT)
    return f"{rounded if rounded == amount else amount.normalize():f}"
