"""Differences of two values, field by field; the two sides are never shown alike."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_LENGTH: Final = 120


class _Absent:
    """A field that is missing, or must be."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
_MISSING: Final = "(missing)"


def find_differences(
    expected: Mapping[str, Any], actual: Any, *, is_cut: bool = False
) -> list[str]:
    """Return a line for each field of `expected` that is missing or different in `actual`.

    With `is_cut`, `actual` is the beginning of a longer object.
    """
    if not isinstance(actual, dict):
        what = "not JSON" if actual is ABSENT else f"{_shorten(actual)}, not an object"
        return [f"body: {what}"]
    found = []
    for name, value in expected.items():
        there = actual.get(name, ABSENT)
        if not _fits(value, there):
            if there is ABSENT and is_cut:
                found.append(f"{name}: unknown, the journal has only the beginning of this body")
            elif isinstance(value, (dict, list)) and isinstance(there, type(value)):
                found += _compare_inside(name, value, there)
            else:
                found.append(describe_difference(name, value, there))
    return found


def describe_difference(name: str, expected: Any, actual: Any) -> str:
    """Return one difference as a line."""
    wanted, there = _shorten(expected), _shorten(actual)
    if actual is ABSENT:
        there = _MISSING
    elif isinstance(expected, re.Pattern):
        wanted = f"a match of /{expected.pattern}/"
    elif callable(expected):
        wanted = f"a value that {getattr(expected, '__name__', 'the function')} accepts"
    elif wanted == there:
        wanted, there = _shorten_apart(expected, actual)
    if expected is ABSENT:
        wanted = _MISSING
    elif expected is ...:
        wanted = "any value"
    return f"{name}: expected {wanted}, was {there}"


def _fits(expected: Any, actual: Any) -> bool:
    if expected is ABSENT or actual is ABSENT:
        return expected is actual
    if expected is ...:
        return True
    if isinstance(expected, re.Pattern):
        return isinstance(actual, str) and expected.search(actual) is not None
    if callable(expected):
        return bool(expected(actual))
    if isinstance(expected, bool) or isinstance(actual, bool):
        # In JSON, true and 1 are different.
        return expected is actual
    return bool(expected == actual)


def _compare_inside(name: str, expected: Any, actual: Any) -> list[str]:
    """Return the differences of two objects or two arrays, at the places where they are."""
    if isinstance(expected, dict):
        places: list[Any] = [*expected, *(each for each in actual if each not in expected)]
        pairs = [
            (f"{name}.{each}", expected.get(each, ABSENT), actual.get(each, ABSENT))
            for each in places
        ]
    else:
        pairs = [
            (
                f"{name}[{at}]",
                expected[at] if at < len(expected) else ABSENT,
                actual[at] if at < len(actual) else ABSENT,
            )
            for at in range(max(len(expected), len(actual)))
        ]
    found = []
    for place, wanted, there in pairs:
        if _fits(wanted, there):
            continue
        if isinstance(wanted, (dict, list)) and isinstance(there, type(wanted)):
            found += _compare_inside(place, wanted, there)
        else:
            found.append(describe_difference(place, wanted, there))
    return found or [describe_difference(name, expected, actual)]


def _shorten(value: Any) -> str:
    # ASCII, so that different letters never look alike.
    text = ascii(value)
    if len(text) <= _MAX_LENGTH:
        return text
    return f"{text[: _MAX_LENGTH - 20]}...{text[-10:]} ({len(text)} letters)"


def _shorten_apart(expected: Any, actual: Any) -> tuple[str, str]:
    """Return two values that look alike when shortened, each so that it looks different."""
    if isinstance(expected, str) and isinstance(actual, str):
        at = next(
            (i for i, pair in enumerate(zip(expected, actual, strict=False)) if len({*pair}) > 1),
            min(len(expected), len(actual)),
        )
        start = max(0, at - 20)
        return tuple(  # type: ignore[return-value]
            f"...{each[start : at + 40]!a} ({len(each)} letters, from letter {start})"
            for each in (expected, actual)
        )
    names = type(expected).__qualname__, type(actual).__qualname__
    if names[0] != names[1]:
        return f"{_shorten(expected)} ({names[0]})", f"{_shorten(actual)} ({names[1]})"
    return f"{_shorten(expected)} (a value equal to itself only)", f"{_shorten(actual)} (another)"
