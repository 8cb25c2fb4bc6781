"""The models that a service lists: which can be compared, and what is wrong with the others."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock import schemas
from getimg_mock.drift.drift_rows import build_row
from getimg_mock.world.catalogue_rules import find_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.drift.drift_rows import DriftRow

_MOST_FAULTS: Final = 5
"""The most rows for what is wrong with one model."""


class ListedModels(NamedTuple):
    """What a service lists: `models` fit the schema, one of each id.

    `invalid` are the ids of models that do not; `unusable` are those and the ids of models that a
    models file cannot have, for which there are `rows`.
    """

    models: list[dict[str, Any]]
    invalid: frozenset[str]
    unusable: frozenset[str]
    rows: tuple[DriftRow, ...]


def judge_models(source: str, listed: Iterable[Any]) -> ListedModels:
    """Return which listed models can be compared, and rows for their faults."""
    valid: dict[str, dict[str, Any]] = {}
    rows: list[DriftRow] = []
    invalid, unusable = set(), set()
    for each in listed:
        if schemas.violations("model", each):
            if isinstance(each, dict):
                invalid.add(str(each.get("id")))
        elif each["id"] in valid:
            rows.append(_build_fault(source, "models.list response", f"{each['id']} twice"))
        else:
            valid[each["id"]] = each
            found = [*_find_rows(source, each)]
            rows += found
            if found:
                unusable.add(each["id"])
    unlisted = frozenset(invalid - valid.keys())
    return ListedModels([*valid.values()], unlisted, unlisted | unusable, tuple(rows))


def _find_rows(source: str, model: dict[str, Any]) -> Iterator[DriftRow]:
    """Yield what a models file could not have of a model that fits the schema."""
    for place, message in islice(find_faults(model), _MOST_FAULTS):
        yield _build_fault(source, f"model {model['id']} {place.removeprefix('.')}", message)


def _build_fault(source: str, subject: str, found: str) -> DriftRow:
    return build_row(
        source, subject, "invalid response", "warning", before="a valid models file", after=found
    )
