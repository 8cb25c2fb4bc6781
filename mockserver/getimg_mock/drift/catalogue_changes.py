"""Compares two catalogues: the models that a service lists, with the models that are known."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.drift.drift_rows import build_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from getimg_mock.drift.drift_rows import Change, DriftRow, DriftSeverity

ModelEntry = dict[str, Any]

LISTS: Final = ("supported_aspect_ratios", "supported_resolutions", "supported_durations")
"""The fields whose first value is the default."""

_PLAIN: Final[dict[str, DriftSeverity]] = {"type": "breaking", "name": "info", "created_at": "info"}
_OWN: Final = "x_mock"


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
        if old.get(name) != new.get(name):
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
    for name in sorted(new.keys() - old.keys() - {_OWN}):
        yield build_row(source, f"{subject} {name}", "added", "info", after=_write(new[name]))


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
        price, now = known.get(key, ""), listed.get(key, "")
        if not _is_equal(price, now):
            change: Change = "price changed" if price and now else "removed" if price else "added"
            severity: DriftSeverity = "info" if not price else "warning"
            yield build_row(source, f"{subject} {key}", change, severity, before=price, after=now)


def _index_rates(entry: ModelEntry) -> dict[str, str]:
    """Return the prices of a model by what they are for."""
    pricing: Mapping[str, Any] = entry.get("pricing") or {}
    return {
        " ".join(
            str(each.get(name) or "any") for name in ("billable_unit", "resolution", "sound")
        ): str(each.get("unit_price"))
        for each in pricing.get("rates") or []
    }


def _is_equal(one: str, other: str) -> bool:
    """Return whether two prices are the same amount: 0.04 is 0.040."""
    try:
        return Decimal(one) == Decimal(other)
    except InvalidOperation:
        return one == other


def _join(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
