"""Hypothesis strategies for messages: whatever a schema of ours allows.

Unlike a general converter this knows the few keywords that our schemas use, unions on `status`
among them. A keyword that it does not know raises, so that no strategy ignores a rule.
"""

from __future__ import annotations

import string
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from getimg_mock import schemas

if TYPE_CHECKING:
    from collections.abc import Callable

    Rules = dict[str, Any]

_MAX_TEXT: Final = 40
_MAX_ITEMS: Final = 4
_MAX_NUMBER: Final = 10**6
_KNOWN_KEYWORDS: Final = frozenset(
    {
        "$id",
        "$ref",
        "$schema",
        "additionalProperties",
        "const",
        "default",
        "description",
        "discriminator",
        "enum",
        "examples",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "minItems",
        "minLength",
        "minimum",
        "oneOf",
        "pattern",
        "properties",
        "required",
        "title",
        "type",
    }
)


@cache
def messages(name: str) -> st.SearchStrategy[Any]:
    """Draw messages that the schema `name` allows, without fields that it does not name.

    Raises `UnknownNameError` for a schema that does not exist.
    """
    return _values(schemas.schema(name))


def _values(rules: Rules) -> st.SearchStrategy[Any]:
    unknown = {each for each in rules if not each.startswith("x-")} - _KNOWN_KEYWORDS
    if unknown:
        raise NotImplementedError(f"no strategy for the keywords {sorted(unknown)}")
    if "$ref" in rules:
        return messages(rules["$ref"].removesuffix(".json"))
    if "discriminator" in rules:
        return st.one_of([_values(each) for each in rules["oneOf"]])
    if "const" in rules:
        return st.just(rules["const"])
    if "enum" in rules:
        return st.sampled_from(rules["enum"])
    types = rules["type"]
    return st.one_of(
        [_BY_TYPE[each](rules) for each in (types if isinstance(types, list) else [types])]
    )


def _objects(rules: Rules) -> st.SearchStrategy[Any]:
    more = rules.get("additionalProperties")
    if isinstance(more, dict):
        names = st.sampled_from(rules["x-known-values"])
        return st.dictionaries(names, _values(more), max_size=_MAX_ITEMS)
    fields = {name: _values(each) for name, each in rules.get("properties", {}).items()}
    required = {name: fields.pop(name) for name in rules.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)


def _arrays(rules: Rules) -> st.SearchStrategy[Any]:
    least, most = rules.get("minItems", 0), rules.get("maxItems", _MAX_ITEMS)
    return st.lists(_values(rules["items"]), min_size=least, max_size=min(most, least + _MAX_ITEMS))


def _texts(rules: Rules) -> st.SearchStrategy[Any]:
    if "pattern" in rules:
        return st.from_regex(rules["pattern"], fullmatch=True)
    if "format" in rules:
        return _FORMATS[rules["format"]]()
    least = rules.get("minLength", 0)
    most = min(rules.get("maxLength", _MAX_TEXT), least + _MAX_TEXT)
    letters = st.characters(exclude_categories=["Cs"])
    texts = st.text(letters, min_size=least, max_size=most)
    known = rules.get("x-known-values")
    return st.one_of(st.sampled_from(known), texts) if known else texts


def _integers(rules: Rules) -> st.SearchStrategy[Any]:
    return st.integers(rules.get("minimum", -_MAX_NUMBER), _MAX_NUMBER)


def _numbers(rules: Rules) -> st.SearchStrategy[Any]:
    return _integers(rules) | st.floats(rules.get("minimum", -_MAX_NUMBER), _MAX_NUMBER)


_BY_TYPE: Final[dict[str, Callable[[Rules], st.SearchStrategy[Any]]]] = {
    "object": _objects,
    "array": _arrays,
    "string": _texts,
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
}


def _date_times() -> st.SearchStrategy[str]:
    moments = st.datetimes(datetime(2026, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive, as Hypothesis wants them
    return moments.map(lambda each: each.isoformat(timespec="milliseconds")[:23] + "Z")


def _dates() -> st.SearchStrategy[str]:
    return st.dates(datetime(2026, 1, 1, tzinfo=UTC).date()).map(lambda each: each.isoformat())


def _links() -> st.SearchStrategy[str]:
    words = st.text(string.ascii_letters + string.digits + "-_.~", min_size=1, max_size=20)
    return st.builds("https://{}.example/{}?sig={}".format, st.just("files"), words, words)


_FORMATS: Final[dict[str, Callable[[], st.SearchStrategy[str]]]] = {
    "date-time": _date_times,
    "date": _dates,
    "uri": _links,
}
