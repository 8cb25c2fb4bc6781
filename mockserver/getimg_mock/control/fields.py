"""Fields of control commands: named values with a parser, a description and a schema.

Values come from JSON, from a query string (as strings) or from Python, and are parsed alike. An
invalid value raises a `SettingsError` that names the field, an unknown name an `UnknownNameError`
that names the nearest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.setting_values import MAX_SECONDS, shorten_value
from getimg_mock.settings import list_options
from getimg_mock.world.clock import EPOCH, LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Read = Callable[[Any], Any]

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", re.ASCII)
_PARTS: Final = re.compile(rf"\s*({_PART.pattern}\s*)+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a command; `schema` is its JSON Schema."""

    name: str
    read: Read
    about: str
    schema: Mapping[str, Any] = field(default_factory=dict)
    required: bool = False


def read_fields(
    fields: Iterable[Field], payload: Mapping[str, Any], *, free: bool
) -> dict[str, Any]:
    """Parse the values of `payload`; null is the same as a missing value."""
    known = {each.name: each for each in fields}
    values = {}
    for name, value in payload.items():
        if name not in known:
            if not free:
                raise UnknownNameError("field", str(name)[:80], known)
            values[name] = value
        elif value is not None:
            try:
                values[name] = known[name].read(value)
            except UnknownNameError:
                raise
            except SettingsError as error:
                raise SettingsError(f"{name}: {error}") from None
    for each in known.values():
        if each.required and each.name not in values:
            raise SettingsError(f"{each.name} is missing: {each.about}.")
    return values


def text(name: str, about: str, *, required: bool = False, longest: int = 4096) -> Field:
    """Return a field for a string."""

    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise SettingsError(f"{shorten_value(value)} is not a string.")
        if len(value) > longest:
            raise SettingsError(f"it is longer than {longest} characters.")
        return value

    return Field(name, parse, about, {"type": "string", "maxLength": longest}, required)


def choice(name: str, about: str, *words: str, required: bool = False) -> Field:
    """Return a field for one of `words`."""

    def parse(value: Any) -> str:
        if value not in words:
            raise UnknownNameError(name, shorten_value(value).strip("'"), words)
        return str(value)

    return Field(name, parse, about, {"enum": list(words)}, required)


def number(name: str, about: str, *, low: float, high: float, required: bool = False) -> Field:
    """Return a field for a number."""

    def parse(value: Any) -> float:
        try:
            found = float(value) if isinstance(value, (int, float, str)) else None
        except (ValueError, OverflowError):
            found = None
        if found is None or isinstance(value, bool) or not low <= found <= high:
            raise SettingsError(f"{shorten_value(value)} is not a number from {low:g} to {high:g}.")
        return found

    schema = {"type": "number", "minimum": low, "maximum": high}
    return Field(name, parse, about, schema, required)


def whole(name: str, about: str, *, low: int, high: int, required: bool = False) -> Field:
    """Return a field for a whole number."""

    def parse(value: Any) -> int:
        found = value
        if isinstance(value, str) and value.isdecimal() and len(value) < 20:
            found = int(value)
        if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
            raise SettingsError(
                f"{shorten_value(value)} is not a whole number from {low} to {high}."
            )
        return found

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Field(name, parse, about, schema, required)


def moment(name: str, about: str, *, required: bool = False) -> Field:
    """Return a field for a date-time: ISO 8601 with a time zone."""
    return Field(name, _parse_moment, about, {"type": "string", "format": "date-time"}, required)


def duration(name: str, about: str) -> Field:
    """Return a field for a duration such as `10m`, `1h30m` or a number of seconds."""
    return Field(name, parse_duration, about, {"type": ["string", "number"]})


def mapping(name: str, about: str, *, required: bool = False) -> Field:
    """Return a field for a JSON object."""

    def parse(value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise SettingsError(f"{shorten_value(value)} is not a JSON object.")
        return value

    return Field(name, parse, about, {"type": "object"}, required)


def objects(name: str, about: str) -> Field:
    """Return a field for a list of at least one JSON object."""

    def parse(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise SettingsError(f"{shorten_value(value)} is not a list of JSON objects.")
        if not value:
            raise SettingsError("the list is empty.")
        return value

    return Field(name, parse, about, {"type": "array", "items": {"type": "object"}, "minItems": 1})


def setting(option: str, *, name: str | None = None, required: bool = False) -> Field:
    """Return a field with the parser and description of the setting `option`."""
    metadata = _load_options()[option]
    return Field(
        name or option,
        metadata["received"],
        metadata["help"],
        {"type": ["string", "number"]},
        required,
    )


def parse_duration(value: Any) -> float:
    """Parse a duration into seconds: a number, or a string such as `10m` or `1h30m`."""
    if isinstance(value, str):
        found = _parse_duration_text(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        found = float(min(value, 2 * MAX_SECONDS))
    else:
        found = None
    if found is None or not isfinite(found) or found < 0:
        raise SettingsError(
            f"{shorten_value(value)} is not a duration: "
            "use 90s, 10m, 1h30m, 2d, or a number of seconds."
        )
    if found > MAX_SECONDS:
        raise SettingsError(
            f"{shorten_value(value)} is longer than a hundred years, the longest step."
        )
    return found


def _parse_duration_text(written: str) -> float | None:
    if len(written) > 80:
        return None
    if re.fullmatch(r"\s*\d+(\.\d+)?\s*", written, re.ASCII):
        return float(written)
    if not _PARTS.fullmatch(written):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(written))


def _parse_moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        found = value
    else:
        try:
            found = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise SettingsError(
                f"{shorten_value(value)} is not a date-time: "
                "use a form such as 2026-09-01T12:00:00Z."
            ) from None
    if found.tzinfo is None:
        raise SettingsError(f"{shorten_value(value)} has no time zone: append Z for UTC.")
    try:
        found = found.astimezone(UTC)
    except OverflowError:
        found = LATEST
    if not EPOCH <= found < LATEST:
        raise SettingsError(f"{shorten_value(value)} is not between the years 1970 and 3000.")
    return found


@cache
def _load_options() -> dict[str, Mapping[str, Any]]:
    return {each.name: each.metadata for each in list_options()}
