"""Formats times and money as the API does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from getimg_mock.world.clock import EPOCH

CENT: Final = Decimal("0.01")
_SECOND: Final = timedelta(seconds=1)

# Of RFC 9110, whatever the locale.
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def format_timestamp(moment: datetime) -> str:
    """Format a time as documented: UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=64)
def format_unix_timestamp(seconds: int) -> str:
    """Format Unix seconds as `format_timestamp` does."""
    return format_timestamp(EPOCH + timedelta(seconds=seconds))


class _DateHeader:
    """The last date that was formatted, and the second in which it is right: each answer has one.

    Threads may replace it at any time, so `_last` is one tuple.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = (EPOCH, EPOCH, b"")

    def __call__(self, moment: datetime) -> bytes:
        """Format a time as HTTP headers do; `moment` is in UTC."""
        begin, end, text = self._last
        if begin <= moment < end:
            return text
        begin = moment.replace(microsecond=0)
        # A clock that is moved never shows the same second twice, but it does the same day.
        time = (_format_day(moment.date()), moment.hour, moment.minute, moment.second)
        text = b"%b %02d:%02d:%02d GMT" % time
        self._last = (begin, begin + _SECOND, text)
        return text


format_http_date: Final = _DateHeader()


@lru_cache(maxsize=16)
def _format_day(day: date) -> bytes:
    # The function of `email.utils` takes ten times as long.
    name, month = _DAYS[day.weekday()], _MONTHS[day.month - 1]
    return f"{name}, {day.day:02} {month} {day.year:04}".encode()


@lru_cache(maxsize=1024)
def to_json_number(amount: Decimal) -> float | int:
    """Return an amount as a JSON number whose shortest form is the exact decimal."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def format_decimal(amount: Decimal) -> str:
    """Return an amount as a decimal string with two decimals, or more where needed."""
    rounded = amount.quantize(CENT)
    return f"{rounded if rounded == amount else amount.normalize():f}"
