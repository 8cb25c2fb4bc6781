"""Compares two descriptions of the API: two SDKs, or an SDK with the fake.

Two SDKs of one language are compared strictly. Otherwise only what both can say counts: a schema of
the fake is narrower than a type of an SDK, and TypeScript knows neither dates nor whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from getimg_mock.drift.drift_rows import build_row
from getimg_mock.world.operations import find_operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from getimg_mock.drift.api_shapes import ApiDescription, FieldShape, OperationShape
    from getimg_mock.drift.drift_rows import Change, DriftRow, DriftSeverity

Part = Literal["query", "request", "response"]

_PARTS: Final[tuple[Part, ...]] = ("query", "request", "response")
_BROAD: Final = {"date": "string", "date-time": "string", "integer": "number"}
_ENVIRONMENT: Final = "environment"


def compare_descriptions(before: ApiDescription, after: ApiDescription) -> Iterator[DriftRow]:
    """Yield what `after` has changed, as rows whose source is `after`."""
    comparison = _FieldComparison(after.source, strict=before.language == after.language)
    for key, operation in before.operations.items():
        if key not in after.operations:
            yield build_row(
                after.source,
                _name_operation(operation),
                "removed",
                "breaking",
                before=f"{operation.method} {operation.path}",
            )
    for key, operation in after.operations.items():
        old = before.operations.get(key)
        if old is None:
            yield build_row(
                after.source,
                _name_operation(operation),
                "added",
                "info",
                after=f"{operation.method} {operation.path}",
            )
            continue
        for part in _PARTS:
            subject = f"{_name_operation(operation)} {part}"
            yield from comparison.compare(
                subject, part, getattr(old, part), getattr(operation, part)
            )
    yield from _compare_clients(before, after, strict=comparison.strict)


def _name_operation(operation: OperationShape) -> str:
    """Return the name that the fake has for an operation, else that of the SDK."""
    return find_operation(operation.method, operation.path) or operation.name


@dataclass(frozen=True, slots=True)
class _FieldComparison:
    """Compares the fields of messages; `strict` where both sources say the same things."""

    source: str
    strict: bool

    def compare(
        self,
        subject: str,
        part: Part,
        before: Mapping[str, FieldShape],
        after: Mapping[str, FieldShape],
    ) -> Iterator[DriftRow]:
        """Yield the changes of one message, the topmost of those that are within each other."""
        is_sent = part != "response"
        for path in _find_topmost(before.keys() - after.keys()):
            yield self._build(subject, path, "removed", "breaking", before=before[path].describe())
        for path in _find_topmost(after.keys() - before.keys()):
            is_demand = is_sent and not after[path].optional and _has_parent(path, before)
            yield self._build(
                subject,
                path,
                "added",
                "breaking" if is_demand else "info",
                after=after[path].describe(),
            )
        for path in sorted(before.keys() & after.keys()):
            yield from self._compare_field(
                subject, path, before[path], after[path], is_sent=is_sent
            )

    def _compare_field(
        self, subject: str, path: str, old: FieldShape, new: FieldShape, *, is_sent: bool
    ) -> Iterator[DriftRow]:
        if self._broaden(old) != self._broaden(new):
            yield self._build(subject, path, "type changed", "breaking", old=old, new=new)
        elif old.optional != new.optional:
            harmless = new.optional if is_sent else old.optional
            severity: DriftSeverity = "info" if harmless else "breaking"
            yield self._build(subject, path, "type changed", severity, old=old, new=new)
        elif old.values != new.values and (self.strict or (old.values and new.values)):
            severity = _judge_values(old.values, new.values, is_sent=is_sent)
            yield self._build(subject, path, "values changed", severity, old=old, new=new)
        gone = old.promises - new.promises if self.strict else frozenset()
        if gone or new.promises - old.promises:
            yield self._build(
                subject,
                path,
                "limit changed",
                "warning",
                before=", ".join(sorted(old.promises)),
                after=", ".join(sorted(new.promises)),
            )

    def _broaden(self, shape: FieldShape) -> frozenset[str]:
        """Return the types of a field, as far as both sources can tell them apart."""
        if self.strict:
            return shape.kinds
        return frozenset(_BROAD.get(each, each) for each in shape.kinds)

    def _build(
        self,
        subject: str,
        path: str,
        change: Change,
        severity: DriftSeverity,
        *,
        before: str = "",
        after: str = "",
        old: FieldShape | None = None,
        new: FieldShape | None = None,
    ) -> DriftRow:
        return build_row(
            self.source,
            f"{subject} {path}".strip(),
            change,
            severity,
            before=old.describe() if old else before,
            after=new.describe() if new else after,
        )


def _judge_values(
    old: frozenset[str] | None, new: frozenset[str] | None, *, is_sent: bool
) -> DriftSeverity:
    """Return how severe other values are: fewer break what is sent, more what is read."""
    if is_sent:
        lost = new is not None and (old is None or not old <= new)
        return "breaking" if lost else "info"
    gained = old is not None and (new is None or not new <= old)
    return "warning" if gained else "info"


def _find_topmost(paths: set[str]) -> Iterator[str]:
    for path in sorted(paths):
        if not any(parent in paths for parent in _list_parents(path)):
            yield path


def _list_parents(path: str) -> Iterator[str]:
    for number, letter in enumerate(path):
        if letter in ".[{<" and number:
            yield path[:number]


def _has_parent(path: str, fields: Mapping[str, FieldShape]) -> bool:
    """Return whether a required field is one of an object that requests could have before."""
    parents = list(_list_parents(path))
    return not parents or parents[-1] in fields


def _compare_clients(
    before: ApiDescription, after: ApiDescription, *, strict: bool
) -> Iterator[DriftRow]:
    """Yield changed defaults; without `strict`, only what is known of the SDK counts."""
    names = before.client.keys() | after.client.keys() if strict else before.client.keys()
    for name in sorted(names):
        old, new = before.client.get(name, ""), after.client.get(name, "")
        if name == _ENVIRONMENT:
            yield from _compare_environments(after.source, old, new)
        elif old != new:
            yield build_row(
                after.source,
                f"client {name}",
                "default changed" if old and new else "removed" if old else "added",
                "warning" if old else "info",
                before=old,
                after=new,
            )


def _compare_environments(source: str, old: str, new: str) -> Iterator[DriftRow]:
    known, read = ({each for each in text.split(", ") if each} for text in (old, new))
    for name in sorted(read - known):
        yield build_row(source, f"client {_ENVIRONMENT} {name}", "added", "info", after=name)
    for name in sorted(known - read):
        yield build_row(source, f"client {_ENVIRONMENT} {name}", "removed", "breaking", before=name)
