"""Answers generated from the schemas: every field missing, null, of the wrong type, at its bounds.

Legal variants must be taken, illegal ones refused in clear words; unknown fields are legal
everywhere. `coverage` says which keywords of which schemas the variants touch, on which side.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.world import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.world.chance import Stream

_WRONG: Final[dict[str, Any]] = {
    "string": 17, "number": "twelve", "integer": "twelve", "boolean": "yes", "array": {"0": 1},
    "object": [1], "null": 0,
}  # fmt: skip
_DATES: Final = (
    "2026-05-02T12:30:00Z", "2026-05-02T14:30:00+02:00", "2026-05-02T12:30:00.1Z",
    "2026-05-02T12:30:00.123456Z", "2026-05-02T12:30:00.123456789Z",
    "2026-05-02T12:30:00.000-11:30",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Variant:
    """A message with one thing about it: `pointer` and `keyword` say what, `valid` which side."""

    pointer: str
    keyword: str
    valid: bool
    value: Any
    note: str = ""

    @property
    def name(self) -> str:
        """What it is, in a few words."""
        return f"{self.note or self.keyword} at {self.pointer or '/'}"


def with_unknown_fields(value: Any, stream: Stream) -> Any:
    """Return a message with fields of a later version in every object that has fields."""
    name = f"x_{int(stream.uniform('name', 0, 99999))}"

    def grown(part: Any) -> Any:
        if isinstance(part, list):
            return [grown(each) for each in part]
        if isinstance(part, dict):
            inner = {key: grown(each) for key, each in part.items()}
            # A map of role to count has no fields: an entry more would change what it says.
            is_map = all(type(each) is int for each in part.values())
            return inner if is_map else inner | {name: {"of": ["later", 1, None, True]}}
        return part

    return grown(value)


def variants(name: str, value: Any) -> Iterator[Variant]:
    """Yield the variants of a message that is valid for the schema `name`."""
    for pointer, part, rules in _places(schemas.schema(name), value, ""):
        yield from _fields(value, pointer, part, rules)
        yield from _values(value, pointer, part, rules)


def _places(rules: Any, value: Any, pointer: str) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    while "$ref" in rules:
        rules = schemas.schema(rules["$ref"].removesuffix(".json"))
    yield pointer, value, rules
    if isinstance(value, dict):
        for key, inner in rules.get("properties", {}).items():
            if key in value:
                yield from _places(inner, value[key], f"{pointer}/{key}")
    elif isinstance(value, list) and value and "items" in rules:
        yield from _places(rules["items"], value[0], f"{pointer}/0")


def _fields(whole: Any, pointer: str, part: Any, rules: dict[str, Any]) -> Iterator[Variant]:
    if not isinstance(part, dict) or "properties" not in rules:
        return
    required = rules.get("required", ())
    for key in rules["properties"]:
        if key not in part:
            continue
        without = {name: each for name, each in part.items() if name != key}
        place = f"{pointer}/{key}"
        needed = key in required
        yield Variant(
            place, "required", not needed, _put(whole, pointer, without),
            "absent required" if needed else "absent optional",
        )  # fmt: skip


def _values(  # noqa: C901 - one branch a keyword
    whole: Any, pointer: str, part: Any, rules: dict[str, Any]
) -> Iterator[Variant]:
    def variant(keyword: str, new: Any, note: str, *, valid: bool) -> Variant:
        return Variant(pointer, keyword, valid, _put(whole, pointer, new), note)

    kinds = rules.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    if kinds:
        if "null" in kinds:
            yield variant("type", None, "null", valid=True)
        else:
            yield variant("type", None, "null where none may be", valid=False)
        yield variant("type", _WRONG[kinds[0]], f"not of type {kinds[0]}", valid=False)
    if kinds[:1] == ["integer"] and isinstance(part, int):
        yield variant("type", float(part), "an integer as a float", valid=True)
    if "minimum" in rules:
        yield variant("minimum", rules["minimum"], "the least", valid=True)
    if rules.get("minLength") == 1 and pointer.rpartition("/")[2] not in {"url", "id"}:
        yield variant("minLength", "x", "the shortest", valid=True)
    if rules.get("format") == "date-time":
        for text in _DATES:
            yield variant("format", text, f"the date {text}", valid=True)
    if "x-known-values" in rules and isinstance(part, str):
        yield variant("x-known-values", "of-a-later-version", "an unknown value", valid=True)
    if isinstance(part, list) and part and not rules.get("minItems"):
        yield variant("minItems", [], "no items", valid=True)


def _put(whole: Any, pointer: str, new: Any) -> Any:
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


def coverage(tried: dict[str, list[Variant]]) -> dict[str, dict[str, list[str]]]:
    """Return, by schema and `pointer keyword`, the sides that were tried: valid, invalid."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, listed in tried.items():
        sides = found.setdefault(name, {})
        for each in listed:
            place = sides.setdefault(f"{each.pointer or '/'} {each.keyword}", [])
            side = "valid" if each.valid else "invalid"
            if side not in place:
                place.append(side)
    return found
