"""Comparing what a client returned with the answer it received, field by field.

A client may return fewer fields, and its own types. The values that it does return must be equal.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_EXACT_INTEGER: Final = 2**53
"""The bound of integers that every language reads exactly (RFC 8259, section 6)."""
_MILLISECOND: Final = timedelta(milliseconds=1)


def find_differences(came: Any, shown: Any, pointer: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield each difference: its pointer, the value received, and the value returned.

    Fields that the client leaves out do not differ, nor do values in a form that cannot be read.
    """
    if isinstance(came, dict) and isinstance(shown, dict):
        for name, each in came.items():
            if name in shown:
                yield from find_differences(each, shown[name], f"{pointer}/{name}")
    elif isinstance(came, list) and isinstance(shown, list):
        if len(came) != len(shown):
            yield pointer, f"{len(came)} items", f"{len(shown)} items"
        for place, (one, other) in enumerate(zip(came, shown, strict=False)):
            yield from find_differences(one, other, f"{pointer}/{place}")
    elif not _is_same(came, shown):
        yield pointer, came, shown


def resolve_pointer(value: Any, pointer: str) -> Any:
    """Return the value at a pointer; None where there is none."""
    for step in pointer.split("/")[1:]:
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def _is_same(came: Any, shown: Any) -> bool:
    if isinstance(shown, dict | list) and not isinstance(came, dict | list):
        return isinstance(shown, dict) and "$type" in shown
    if isinstance(came, dict | list):
        return shown is not None
    if came is None or isinstance(came, bool):
        return shown is came
    if isinstance(came, int | float):
        return is_same_number(came, shown)
    return bool(shown == came) or is_same_moment(came, shown) or _is_same_decimal(came, shown)


def is_same_number(came: float, shown: Any) -> bool:
    """Return whether a number, or its decimal text, equals the one received.

    Beyond 2^53 they are compared as doubles, which is all that JSON guarantees.
    """
    number = _parse_decimal(shown)
    if number is None or isinstance(shown, bool):
        return False
    if isinstance(came, int) and abs(came) < _MAX_EXACT_INTEGER:
        return number == came
    return float(number) == float(came)


def is_same_moment(came: str, shown: Any) -> bool:
    """Return whether two texts are the same instant; one without a time zone counts as UTC."""
    asked, got = parse_moment(came), parse_moment(shown) if isinstance(shown, str) else None
    if asked is None or got is None:
        return False
    leap = ":60" in came
    return abs(asked - got) < (timedelta(seconds=1, milliseconds=1) if leap else _MILLISECOND)


def parse_moment(text: str) -> datetime | None:
    """Return the instant of an RFC 3339 timestamp, or None."""
    leap = ":60" in text
    try:
        found = datetime.fromisoformat(text.replace(":60", ":59"))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) + timedelta(seconds=leap)


def _is_same_decimal(came: str, shown: Any) -> bool:
    one, other = _parse_decimal(came), _parse_decimal(shown)
    return one is not None and one == other


def _parse_decimal(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return None
