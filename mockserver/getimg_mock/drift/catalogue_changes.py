"""Compares two catalogues: the models that a service lists, with the models that are known."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.drift.drift_rows import build_row

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from getimg_mock.drift.drift_rows import Change, DriftRow, DriftSeverity

ModelEntry = dict[str, Any]

LISTS: Final = ("supported_aspect_ratios", "supported_resolutions", "supported_durations")
"""The fields whose first value is the default."""

_PLAIN: Final[dict[str, DriftSeverity]] = {"type": "breaking", "name": "info", "created_at": "info"}
_OWN: Final = "x_mock"
_KNOWN: Final = frozenset({*schemas.load_schema("model")["properties"], _OWN})
_KNOWN_OF_PRICING: Final = frozenset({"currency", "rates"})
_RATE_KEY: Final = ("billable_unit", "resolution", "sound")
_KNOWN_OF_RATE: Final = frozenset({*_RATE_KEY, "unit_price"})


def compare_catalogues(
    source: str, before: Sequence[ModelEntry], after: Sequence[ModelEntry]
) -> Iterator[DriftRow]:
    """Yield what `after`, which is valid by the schema, has changed."""
    old = {str(each["id"]): each for each in before}
    new = {str(each["id"]): each for each in after}
    for name in old.keys() - new.keys():
        yield build_row(source, f"model {name}", "model gone", "breaking", before=name)
    for name, entry in new.items():
        if name not in old:
            yield build_row(source, f"model {name}", "model added", "info", after=entry["type"])
        else:
            yield from _compare_models(source, f"model {name}", old[name], entry)


def _compare_models(
    source: str, subject: str, old: ModelEntry, new: ModelEntry
) -> Iterator[DriftRow]:
    for name, severity in _PLAIN.items():
        if not _is_same(old.get(name), new.get(name)):
            change: Change = "type changed" if name == "type" else "values changed"
            yield build_row(
                source,
                f"{subject} {name}",
                change,
                severity,
                before=str(old.get(name)),
                after=str(new.get(name)),
            )
    for name in LISTS:
        yield from _compare_lists(source, f"{subject} {name}", old.get(name), new.get(name))
        yield from _compare_defaults(source, f"{subject} default of {name}", old, new, name)
    yield from _compare_references(source, f"{subject} supported_references", old, new)
    yield from _compare_sound(source, f"{subject} supports_sound", old, new)
    yield from _compare_prices(source, f"{subject} pricing", old, new)
    yield from _compare_extras(source, subject, old, new, _KNOWN)


def _compare_extras(
    source: str, subject: str, old: Mapping[str, Any], new: Mapping[str, Any], known: Container[str]
) -> Iterator[DriftRow]:
    """Yield what has changed of the fields that no schema describes."""
    for name in sorted(each for each in old.keys() | new.keys() if each not in known):
        field = f"{subject} {name}"
        if name not in old:
            yield build_row(source, field, "added", "info", after=_write(new[name]))
        elif name not in new:
            yield build_row(source, field, "removed", "warning", before=_write(old[name]))
        elif _write(old[name]) != _write(new[name]):
            shown = {"before": _write(old[name]), "after": _write(new[name])}
            yield build_row(source, field, "values changed", "info", **shown)


def _compare_sound(
    source: str, subject: str, old: ModelEntry, new: ModelEntry
) -> Iterator[DriftRow]:
    known, listed = old.get("supports_sound"), new.get("supports_sound")
    if known != listed:
        severity: DriftSeverity = "info" if listed else "breaking"
        yield build_row(
            source,
            subject,
            "values changed",
            severity,
            before=_write(known),
            after=_write(listed),
        )


def _compare_lists(source: str, subject: str, old: Any, new: Any) -> Iterator[DriftRow]:
    known, listed = list(old or []), list(new or [])
    gained = [each for each in listed if each not in known]
    lost = [each for each in known if each not in listed]
    if gained or lost:
        yield build_row(
            source,
            subject,
            "values changed",
            "breaking" if lost else "info",
            before=_join(known),
            after=_join(listed),
        )


def _compare_defaults(
    source: str, subject: str, old: ModelEntry, new: ModelEntry, name: str
) -> Iterator[DriftRow]:
    known, listed = old.get(name) or [], new.get(name) or []
    if known and listed and known[0] != listed[0]:
        yield build_row(
            source,
            subject,
            "default changed",
            "warning",
            before=str(known[0]),
            after=str(listed[0]),
        )


def _compare_references(
    source: str, subject: str, old: ModelEntry, new: ModelEntry
) -> Iterator[DriftRow]:
    known = old.get("supported_references") or {}
    listed = new.get("supported_references") or {}
    for role in sorted(known.keys() | listed.keys()):
        most, now = known.get(role, 0), listed.get(role, 0)
        if most != now:
            yield build_row(
                source,
                f"{subject} {role}",
                "limit changed",
                "breaking" if now < most else "info",
                before=str(most),
                after=str(now),
            )


def _compare_prices(
    source: str, subject: str, old: ModelEntry, new: ModelEntry
) -> Iterator[DriftRow]:
    known, listed = _index_rates(old), _index_rates(new)
    for key in sorted(known.keys() | listed.keys()):
        name = f"{subject} {' '.join(each or 'any' for each in key)}"
        rate, now = known.get(key), listed.get(key)
        if rate is None or now is None:
            change: Change = "added" if rate is None else "removed"
            severity: DriftSeverity = "info" if rate is None else "warning"
            yield build_row(
                source, name, change, severity, before=_show_price(rate), after=_show_price(now)
            )
            continue
        if not _is_equal(_show_price(rate), _show_price(now)):
            prices = {"before": _show_price(rate), "after": _show_price(now)}
            yield build_row(source, name, "price changed", "warning", **prices)
        yield from _compare_extras(source, name, rate, now, _KNOWN_OF_RATE)
    pricing = (old.get("pricing") or {}, new.get("pricing") or {})
    yield from _compare_extras(source, subject, *pricing, _KNOWN_OF_PRICING)


def _index_rates(entry: ModelEntry) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the rates of a model by what they are for."""
    pricing: Mapping[str, Any] = entry.get("pricing") or {}
    return {
        tuple(str(each.get(name) or "") for name in _RATE_KEY): each
        for each in pricing.get("rates") or []
    }


def _show_price(rate: Mapping[str, Any] | None) -> str:
    return "" if rate is None else str(rate.get("unit_price"))


def _is_same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, or name the same moment: Z is +00:00."""
    if one == other:
        return True
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (TypeError, ValueError):
        return False


def _is_equal(one: str, other: str) -> bool:
    """Return whether two prices are the same amount: 0.04 is 0.040."""
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return one == other


def _join(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
