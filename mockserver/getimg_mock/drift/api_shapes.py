"""An API as data: its operations, the fields of each, and what a client does by default.

All readers describe types as JSON Schemas without references; `flatten_schema` makes of one the
fields by path, `data[].url`, that are compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

JsonSchema = dict[str, Any]
"""A JSON Schema without references."""

MAX_DEPTH: Final = 16
"""How deep types may be nested; what is deeper is of any type."""

MAX_FIELDS: Final = 5000
"""The most fields of one message that are compared."""

_PROMISES: Final = re.compile(
    r"\b\d+(?:\.\d+)?\s(?:[KMG]i?B|days?|hours?|minutes?|seconds?|characters)\b"
    r"|\bHTTPS\b|\bdata URL\b|\bBare base64\b|\btime zone\b|\b(?:PNG|JPEG|WebP)\b",
)
_PARAMETER: Final = re.compile(r"{\w+}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShape:
    """A field: its types, whether it may be left out or null, and its values if enumerated.

    `promises` are the limits and forms that its description names, such as `10 MiB`.
    """

    kinds: frozenset[str]
    optional: bool = False
    values: frozenset[str] | None = None
    promises: frozenset[str] = frozenset()

    def describe(self) -> str:
        """Return the type as a person reads it."""
        shown = " | ".join(sorted(self.values or self.kinds))
        return f"{shown}, optional" if self.optional else shown


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationShape:
    """An operation with the fields of its query, request and response, by path."""

    name: str
    method: str
    path: str
    query: Mapping[str, FieldShape] = field(default_factory=dict)
    request: Mapping[str, FieldShape] = field(default_factory=dict)
    response: Mapping[str, FieldShape] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the operation: names of path parameters do not count."""
        return self.method, _PARAMETER.sub("{}", self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDescription:
    """What a source says of the API; `client` are the defaults and retry rules of an SDK."""

    source: str
    language: str
    operations: Mapping[tuple[str, str], OperationShape]
    client: Mapping[str, str]


def flatten_schema(schema: Mapping[str, Any]) -> dict[str, FieldShape]:
    """Return the fields of a message by path; the message itself has the path ''."""
    found: dict[str, FieldShape] = {}
    for path, shape in _walk("", schema, optional=False, depth=0):
        if len(found) >= MAX_FIELDS:
            break
        found.setdefault(path, shape)
    return found


def _walk(
    path: str, schema: Mapping[str, Any], *, optional: bool, depth: int
) -> Iterator[tuple[str, FieldShape]]:
    variants = schema.get("oneOf") or schema.get("anyOf") or ()
    kinds = list_kinds(schema)
    yield (
        path,
        FieldShape(
            kinds=frozenset(kinds - {"null"}),
            optional=optional or "null" in kinds,
            values=_list_values(schema),
            promises=frozenset(_PROMISES.findall(str(schema.get("description", "")))),
        ),
    )
    if depth >= MAX_DEPTH:
        return
    for number, each in enumerate(variants):
        label = f"<{_label_variant(each, number)}>"
        yield from _walk(f"{path}{label}", each, optional=False, depth=depth + 1)
    if not variants:
        required = schema.get("required", ())
        for name, each in schema.get("properties", {}).items():
            below = f"{path}.{name}" if path else name
            yield from _walk(below, each, optional=name not in required, depth=depth + 1)
    for keyword, mark in (("items", "[]"), ("additionalProperties", "{}")):
        inner = schema.get(keyword)
        if isinstance(inner, dict):
            yield from _walk(f"{path}{mark}", inner, optional=False, depth=depth + 1)


def list_kinds(schema: Mapping[str, Any]) -> set[str]:
    """Return the types that a schema allows; a text with a date is `date` or `date-time`."""
    if schema.get("oneOf") or schema.get("anyOf"):
        return {"union"}
    named = schema.get("type", ())
    kinds = {named} if isinstance(named, str) else set(named)
    if not kinds:
        values = schema.get("enum", [schema["const"]] if "const" in schema else [])
        kinds = {_name_type(each) for each in values} or {"any"}
    if schema.get("format") in {"date", "date-time"} and "string" in kinds:
        kinds = (kinds - {"string"}) | {str(schema["format"])}
    return kinds


def _name_type(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    return names.get(type(value), "any")


def _list_values(schema: Mapping[str, Any]) -> frozenset[str] | None:
    if "const" in schema:
        return frozenset({repr(schema["const"])})
    values = schema.get("enum")
    return frozenset(map(repr, values)) if isinstance(values, list) else None


def _label_variant(schema: Mapping[str, Any], number: int) -> str:
    """Return the constant that tells a variant apart, such as its status, else its number."""
    for each in schema.get("properties", {}).values():
        values = _list_values(each)
        if values is not None and len(values) == 1:
            return min(values).strip("'")
    return str(number)


def collect_operations(
    source: str, found: Iterable[OperationShape]
) -> dict[tuple[str, str], OperationShape]:
    """Return operations by their key, the first of each; raises `SettingsError` for none."""
    operations: dict[tuple[str, str], OperationShape] = {}
    for operation in found:
        operations.setdefault(operation.key, operation)
    if not operations:
        raise SettingsError(f"{source} has no operation that could be read.")
    return operations
