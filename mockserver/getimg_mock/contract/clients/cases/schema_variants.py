"""Answers generated from the schemas: each keyword of each schema, kept and broken.

A client must accept legal variants, and raise a clear error for illegal ones. Unknown fields are
legal everywhere. The `place` of a variant is its place in a schema: see `coverage`.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.world.randomness import Stream

_WRONG_TYPE_VALUES: Final[dict[str, Any]] = {
    "string": 17,
    "number": "twelve",
    "integer": "twelve",
    "boolean": "yes",
    "array": {"0": 1},
    "object": [1],
    "null": 0,
}
_FUTURE_VALUE: Final = "of-a-later-version"
_FORMATS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "date-time": (
        (
            "2026-05-02T12:30:00Z",
            "2026-05-02T14:30:00+02:00",
            "2026-05-02T12:30:00.1Z",
            "2026-05-02T12:30:00.123456Z",
            "2026-05-02T12:30:00.123456789Z",
            "2026-05-02T12:30:00.000-11:30",
        ),
        ("yesterday", "2026-13-45T00:00:00Z"),
    ),
    "date": (("2024-02-29",), ("2026-02-30",)),
    "uri": (("https://cdn.example:8443/a%20b?x=%C3%A9&y#z",), ("no link at all",)),
}
_DECIMALS: Final = ("0", "10", "0.0000001", "-3.50", "1e5", ".5", "1,5")


@dataclass(frozen=True, slots=True)
class Variant:
    """A message with one change: `pointer` and `keyword` say where, `valid` whether it is legal."""

    pointer: str
    keyword: str
    valid: bool
    value: Any
    note: str = ""
    place: str = ""
    """The schema, and the pointer to the keyword in it: `usage /properties/quantity`."""

    @property
    def name(self) -> str:
        """A description in a few words."""
        return f"{self.note or self.keyword} at {self.pointer or '/'}"


@dataclass(frozen=True, slots=True)
class _SchemaNode:
    """One value in a message, with the rules of its schema."""

    pointer: str
    value: Any
    rules: dict[str, Any]
    place: str
    optional: bool = False
    """Whether the object that has the value may also be without it."""


def with_unknown_fields(value: Any, stream: Stream) -> Any:
    """Return a message with unknown fields in every object that has fields."""
    name = f"x_{int(stream.uniform('name', 0, 99999))}"

    def grown(part: Any) -> Any:
        if isinstance(part, list):
            return [grown(each) for each in part]
        if isinstance(part, dict):
            inner = {key: grown(each) for key, each in part.items()}
            # A map of role to count has no fields: a further entry would change its meaning.
            is_map = all(type(each) is int for each in part.values())
            return inner if is_map else inner | {name: {"of": ["later", 1, None, True]}}
        return part

    return grown(value)


def generate_variants(name: str, value: Any) -> Iterator[Variant]:
    """Yield the variants of a message that is valid under the schema `name`."""
    for spot in _walk_schema(name, schemas.schema(name), value):
        for each in (
            *_vary_presence(spot),
            *_vary_type(spot),
            *_vary_bounds(spot),
            *_vary_text(spot),
        ):
            yield replace(
                each, value=_replace_at(value, spot.pointer, each.value), place=spot.place
            )


def _walk_schema(
    name: str,
    rules: dict[str, Any],
    value: Any,
    pointer: str = "",
    at: str = "",
    *,
    optional: bool = False,
) -> Iterator[_SchemaNode]:
    while "$ref" in rules:
        name, at = rules["$ref"].removesuffix(".json"), ""
        rules = schemas.schema(name)
    yield _SchemaNode(pointer, value, rules, f"{name} {at}", optional)
    if isinstance(value, list) and value and "items" in rules:
        yield from _walk_schema(name, rules["items"], value[0], f"{pointer}/0", f"{at}/items")
    elif isinstance(value, dict):
        for key, part in value.items():
            inner = rules.get("properties", {}).get(key)
            where, optional = f"{at}/properties/{key}", key not in rules.get("required", ())
            if inner is None and isinstance(rules.get("additionalProperties"), dict):
                inner, where = rules["additionalProperties"], f"{at}/additionalProperties"
                optional = False
            if inner is not None:
                yield from _walk_schema(
                    name, inner, part, f"{pointer}/{key}", where, optional=optional
                )


def _build_legal(
    spot: _SchemaNode, keyword: str, value: Any, note: str, under: str = ""
) -> Variant:
    return Variant(spot.pointer + under, keyword, valid=True, value=value, note=note)


def _build_illegal(
    spot: _SchemaNode, keyword: str, value: Any, note: str, under: str = ""
) -> Variant:
    return Variant(spot.pointer + under, keyword, valid=False, value=value, note=note)


def _vary_presence(spot: _SchemaNode) -> Iterator[Variant]:
    if not isinstance(spot.value, dict):
        return
    for key in spot.rules.get("properties", {}):
        if key in spot.value:
            without = {name: each for name, each in spot.value.items() if name != key}
            if key in spot.rules.get("required", ()):
                yield _build_illegal(spot, "required", without, "absent required", f"/{key}")
            else:
                yield _build_legal(spot, "optional", without, "absent optional", f"/{key}")


def _vary_type(spot: _SchemaNode) -> Iterator[Variant]:
    kinds = spot.rules.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if not kinds:
        return
    if "null" in kinds:
        yield _build_legal(spot, "type", None, "null")
    elif spot.optional:
        # Many clients read null as absent, as JSON libraries do: either is sound.
        yield _build_illegal(spot, "null", None, "null for an optional field")
    else:
        yield _build_illegal(spot, "type", None, "null where none may be")
    yield _build_illegal(spot, "type", _WRONG_TYPE_VALUES[kinds[0]], f"not of type {kinds[0]}")
    if kinds[0] == "integer":
        yield _build_legal(spot, "type", float(spot.value), "an integer as a float")
        yield _build_illegal(spot, "whole", spot.value + 0.5, "not whole")


def _vary_bounds(spot: _SchemaNode) -> Iterator[Variant]:
    rules = spot.rules
    if "minimum" in rules:
        yield _build_legal(spot, "minimum", rules["minimum"], "the least")
        yield _build_illegal(spot, "minimum", rules["minimum"] - 1, "less than the least")
    if "minLength" in rules:
        yield _build_legal(spot, "minLength", "x" * rules["minLength"], "the shortest")
        yield _build_illegal(spot, "minLength", "x" * (rules["minLength"] - 1), "too short")
    if "minItems" in rules:
        yield _build_legal(spot, "minItems", spot.value[: rules["minItems"]], "fewest items")
        yield _build_illegal(spot, "minItems", spot.value[: rules["minItems"] - 1], "too few items")
    elif isinstance(spot.value, list):
        yield _build_legal(spot, "items", [], "no items")


def _vary_text(spot: _SchemaNode) -> Iterator[Variant]:
    rules = spot.rules
    if "const" in rules:
        yield _build_illegal(spot, "const", _FUTURE_VALUE, "another value than the only one")
    for text in rules.get("enum", ()):
        yield _build_legal(spot, "enum", text, f"the value {text}")
    if "enum" in rules:
        yield _build_illegal(spot, "enum", _FUTURE_VALUE, "a value that is not listed")
    if "x-known-values" in rules and isinstance(spot.value, str):
        for text in (*rules["x-known-values"], _FUTURE_VALUE):
            yield _build_legal(spot, "x-known-values", text, f"the value {text}")
    form = rules.get("format", "")
    right, wrong = _FORMATS.get(form, ((), ()))
    yield from (_build_legal(spot, "format", text, f"the {form} {text}") for text in right)
    yield from (_build_illegal(spot, "format", text, f"the {form} {text}") for text in wrong)
    for text in _DECIMALS if "pattern" in rules else ():
        made = _build_legal if re.search(rules["pattern"], text) else _build_illegal
        yield made(spot, "pattern", text, f"the text {text}")


def _replace_at(whole: Any, pointer: str, new: Any) -> Any:
    if not pointer:
        return new
    made = copy.deepcopy(whole)
    *way, last = pointer.split("/")[1:]
    at = made
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    if isinstance(at, list):
        at[int(last)] = new
    else:
        at[last] = new
    return made


KEYWORDS: Final = (
    "type",
    "required",
    "const",
    "enum",
    "minimum",
    "minLength",
    "minItems",
    "pattern",
    "format",
)
"""The keywords of the schemas that an answer can keep or break."""

_KEPT_BY_EXAMPLE: Final = ("type", "const", "pattern", "format")
"""Keywords that any valid message keeps; the others need a message at their bound."""


def keywords(name: str) -> set[str]:
    """Return each keyword of a schema, as `usage /properties/quantity minimum`.

    Keywords behind a reference belong to the other schema.
    """
    found: set[str] = set()

    def walk(rules: dict[str, Any], at: str) -> None:
        for keyword in KEYWORDS:
            names = rules.get(keyword, ()) if keyword == "required" else [""] * (keyword in rules)
            found.update(f"{name} {at} {keyword} {each}".rstrip() for each in names)
        for key, inner in rules.get("properties", {}).items():
            walk(inner, f"{at}/properties/{key}")
        for key in ("items", "additionalProperties"):
            if isinstance(rules.get(key), dict):
                walk(rules[key], f"{at}/{key}")

    walk(schemas.schema(name), "")
    return found


def coverage(name: str, value: Any, tried: list[Variant]) -> Iterator[tuple[str, bool]]:
    """Yield each keyword that a message and its variants cover, and whether they keep it."""
    for spot in _walk_schema(name, schemas.schema(name), value):
        for keyword in _KEPT_BY_EXAMPLE:
            if keyword in spot.rules:
                yield f"{spot.place} {keyword}", True
        for key in spot.rules.get("required", ()):
            yield f"{spot.place} required {key}", True
    for each in tried:
        if each.keyword in KEYWORDS:
            last = each.pointer.rpartition("/")[2] if each.keyword == "required" else ""
            yield f"{each.place} {each.keyword} {last}".rstrip(), each.valid
