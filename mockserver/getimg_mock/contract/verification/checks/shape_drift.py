"""GE: fields and types, compared between the fake and another target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.contract.verdicts import check, expect, fail_as
from getimg_mock.contract.verification.comparison import compute_shape
from getimg_mock.contract.verification.paired_responses import select_judgeable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.contract.verification.comparison import Comparison


@check(
    "GE902",
    "Answers have the same fields of the same types",
    severity="blocker",
    evidence="seed",
    cost="T",
    why="Added fields are drift, changed types break clients that the fake had passed.",
    fix="Update the schemas and the fake to the shape of the real response.",
)
def shapes_agree(comparison: Comparison) -> Iterator[Observation]:
    """Require the same fields of the same types: a missing field warns, a new one is drift.

    Applies to paired responses of one status. Fails when a field has another type.
    """
    fake, other, where = _collect_shapes(comparison)
    for operation in sorted(fake.keys() & other.keys()):
        ours, theirs = _group_types(fake[operation]), _group_types(other[operation])
        changed = sorted(
            path
            for path in ours.keys() & theirs.keys()
            if not (ours[path] & theirs[path]) and "null" not in ours[path] | theirs[path]
        )
        yield expect(not changed, f"{operation}: the types of the fake", changed, where[operation])
        tops = _find_topmost(ours.keys() - theirs.keys())
        if tops:
            yield fail_as(
                "WARN",
                f"{operation}: every field of the fake",
                f"no {', '.join(tops)}",
                where[operation],
            )
        tops = _find_topmost(theirs.keys() - ours.keys())
        if tops:
            yield fail_as(
                "INFO",
                f"{operation}: no field beyond the fake's",
                f"also {', '.join(tops)}",
                where[operation],
            )


def _find_topmost(pointers: Iterable[str]) -> list[str]:
    """Return the pointers that are not below another of them."""
    found: list[str] = []
    for pointer in sorted(pointers):
        if not any(pointer.startswith(f"{each}/") for each in found):
            found.append(pointer)
    return found


def _collect_shapes(
    comparison: Comparison,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, HttpExchange]]:
    fake: dict[str, set[tuple[str, str]]] = {}
    other: dict[str, set[tuple[str, str]]] = {}
    where: dict[str, HttpExchange] = {}
    for pair in select_judgeable(comparison):
        if pair.fake.status != pair.other.status or pair.fake.json is None:
            continue
        state = pair.fake.object.get("status"), pair.other.object.get("status")
        if state[0] != state[1] or not pair.fake.operation:
            continue
        name = f"{pair.fake.operation} {pair.fake.status} {state[0] or ''}".strip()
        fake.setdefault(name, set()).update(compute_shape(pair.fake.json))
        other.setdefault(name, set()).update(compute_shape(pair.other.json))
        where.setdefault(name, pair.other)
    return fake, other, where


def _group_types(shape: set[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pointer, kind in shape:
        # The values that models support differ between catalogues, not between APIs.
        if "supported_references/" not in pointer:
            found.setdefault(pointer, set()).add(kind)
    return found
