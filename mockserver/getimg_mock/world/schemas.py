"""The shape of every message, read from the shipped JSON Schema files.

Files are read and validators compiled on first use. Nothing reads the network: a reference to
anything but a shipped file is an error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jsonschema_rs

from getimg_mock._shipped import read_text, shipped
from getimg_mock.errors import UnknownNameError
from getimg_mock.world.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Json = dict[str, Any]
"""A JSON object."""

ADDRESS: Final = "https://getimg-mock.invalid/schemas/"

# The schema of each request body.
REQUESTS: Final = {
    name: each.request for name, each in OPERATIONS.items() if each.request is not None
}

# The schema of each successful JSON answer.
ANSWERS: Final = {
    (name, status): schema
    for name, each in OPERATIONS.items()
    for status, schema in each.answers.items()
}

_FIRST_ERROR_STATUS: Final = 400
# jsonschema-rs stops at about 255 levels; our schemas describe at most seven.
_DEEPEST: Final = 64
# Items of an array that are checked for violations: far more than a valid request has.
_LONGEST: Final = 100
# Replaces a lone surrogate in messages and during validation.
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One violation of a schema by a message.

    `path` is the JSON pointer of the wrong value, or of the object for a missing or misnamed
    property. `keyword` is the violated schema keyword, or `unicode` for a lone surrogate, for which
    JSON Schema has no keyword. `property` is the missing property, else the last name on the path,
    else None. `limit` is the keyword's value, such as 4096 or a list of types. Neither
    `message` nor `limit` contains anything of the value.
    """

    path: str
    keyword: str
    message: str
    property: str | None
    limit: object = None


@cache
def names() -> tuple[str, ...]:
    """Return the names of the schemas of getimg.ai's messages, sorted."""
    files = (entry.name for entry in shipped("schemas").iterdir())
    return tuple(
        sorted(name[:-5] for name in files if name.endswith(".json") and name != "openapi.json")
    )


@cache
def own_names() -> tuple[str, ...]:
    """Return the names of the schemas of our own formats, such as `own/scenario`, sorted."""
    files = (entry.name for entry in shipped("schemas").joinpath("own").iterdir())
    return tuple(sorted(f"own/{name[:-5]}" for name in files if name.endswith(".json")))


@cache
def schema(name: str) -> Json:
    """Return the schema `name`; the object is shared and must not be changed."""
    known = names() + own_names()
    if name not in known:
        raise UnknownNameError("schema", name, known)
    loaded: Json = json.loads(read_text("schemas", f"{name}.json"))
    return loaded


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return the compiled validator of the schema `name`; formats are asserted.

    Its methods raise `ValueError` for a lone surrogate and for nesting that is too deep;
    `violations` does not.
    """
    return jsonschema_rs.Draft202012Validator(
        schema(name), validate_formats=True, retriever=_retrieve, mask="The value"
    )


def answer_schema(operation: str, status: int) -> str | None:
    """Return the name of the schema of an answer's body, or None when it has no JSON body."""
    if status >= _FIRST_ERROR_STATUS:
        return "error"
    return ANSWERS.get((operation, status))


def violations(name: str, instance: object) -> list[Violation]:
    """Return the violations of the schema `name` by `instance`; empty when it is valid.

    Missing properties come first, then the order of the schema's properties. A union is dispatched
    on its discriminator, so that violations are about the right branch. A lone surrogate is a
    violation anywhere. For an array of more than a hundred items the list may be incomplete, but it
    is not empty.
    """
    branch = _branch(name, instance)
    if isinstance(branch, Violation):
        return [branch]
    compiled = validator(branch)
    sound = _is_sound(instance)
    if sound and compiled.is_valid(instance):
        return []
    flaws = [] if sound else list(islice(_flaws(instance), _LONGEST))
    order = _order(branch)
    found = sorted(_errors(compiled, instance), key=lambda error: _rank(error, order))
    return flaws + [_violation(error) for error in found]


def _errors(
    compiled: jsonschema_rs.Draft202012Validator, instance: object
) -> list[jsonschema_rs.ValidationError]:
    """Return every error among the first items of each array, else the first error beyond them.

    Otherwise jsonschema-rs would create an error for each of the ten million items that a body of
    25 MiB can hold, at 24 us and 2 kB each.
    """
    found = list(compiled.iter_errors(_readable(instance, longest=_LONGEST)))
    if not found:
        try:
            compiled.validate(_readable(instance))
        except jsonschema_rs.ValidationError as error:
            found = [error]
    return found


def _retrieve(address: str) -> Json:
    if not address.startswith(ADDRESS):
        raise LookupError(f"{address} is not one of the shipped schemas.")
    return schema(address.removeprefix(ADDRESS).removesuffix(".json"))


class _Union(NamedTuple):
    key: str
    branches: dict[str, str]


@cache
def _union(name: str) -> _Union | None:
    discriminator = schema(name).get("discriminator")
    if discriminator is None:
        return None
    mapping = discriminator["mapping"]
    branches = {value: file.removesuffix(".json") for value, file in mapping.items()}
    return _Union(discriminator["propertyName"], branches)


def _branch(name: str, instance: object) -> str | Violation:
    """Return the schema that applies to `instance`: for a union, that of its branch."""
    union = _union(name)
    if union is None or not isinstance(instance, dict) or union.key not in instance:
        return name if union is None else _unbranched(union, instance)
    value = instance[union.key]
    if isinstance(value, str) and value in union.branches:
        return union.branches[value]
    known = ", ".join(f'"{branch}"' for branch in union.branches)
    return Violation(
        path=f"/{union.key}",
        keyword="enum",
        message=f"The value is not one of {known}",
        property=union.key,
        limit=list(union.branches),
    )


def _unbranched(union: _Union, instance: object) -> Violation:
    if isinstance(instance, dict):
        message = f'"{union.key}" is a required property'
        return Violation(
            path="", keyword="required", message=message, property=union.key, limit=union.key
        )
    message = 'The value is not of type "object"'
    return Violation(path="", keyword="type", message=message, property=None, limit=["object"])


@cache
def _order(name: str) -> dict[str, int]:
    return {key: place for place, key in enumerate(schema(name).get("properties", ()))}


def _rank(error: jsonschema_rs.ValidationError, order: dict[str, int]) -> tuple[bool, int]:
    """Sort missing properties first, then by top-level property; ties keep their order."""
    missing = error.kind.name == "required"
    top = error.instance_path[0] if error.instance_path else _property(error)
    return not missing, order.get(str(top), len(order))


def _property(error: jsonschema_rs.ValidationError) -> str | None:
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Required):
        return error.kind.property
    return _last_name(error.instance_path)


def _last_name(path: Sequence[str | int]) -> str | None:
    return next((part for part in reversed(path) if isinstance(part, str)), None)


def _violation(error: jsonschema_rs.ValidationError) -> Violation:
    return Violation(
        path=_pointer(error.instance_path),
        keyword=error.kind.name,
        message=error.message,
        property=_property(error),
        limit=error.kind.value,
    )


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _is_sound(instance: object, depth: int = 0) -> bool:
    """Return whether jsonschema-rs can read `instance`: all Unicode, and not nested too deep."""
    if isinstance(instance, str):
        return _is_unicode(instance)
    if isinstance(instance, dict):
        parts: Iterable[object] = (*instance, *instance.values())
    elif isinstance(instance, list):
        parts = instance
    else:
        return True
    if depth >= _DEEPEST:
        return False
    for part in parts:
        if isinstance(part, str):
            if not part.isascii() and not _is_unicode(part):
                return False
        elif isinstance(part, (dict, list)) and not _is_sound(part, depth + 1):
            return False
    return True


def _flaws(instance: object, path: tuple[str | int, ...] = ()) -> Iterator[Violation]:
    """Yield a violation for each text in `instance`, names included, with a lone surrogate.

    Values under such a name are skipped: no path can point to them.
    """
    if isinstance(instance, str):
        if not _is_unicode(instance):
            yield _flaw(path, "The text holds a lone surrogate: it is not Unicode")
    elif len(path) >= _DEEPEST:
        return
    elif isinstance(instance, dict):
        for name, value in instance.items():
            if _is_unicode(name):
                yield from _flaws(value, (*path, name))
            else:
                yield _flaw(path, "A name holds a lone surrogate: it is not Unicode", name=name)
    elif isinstance(instance, list):
        for place, value in enumerate(instance):
            yield from _flaws(value, (*path, place))


def _flaw(path: Sequence[str | int], message: str, *, name: str | None = None) -> Violation:
    blamed = _last_name(path) if name is None else _repaired(name)
    return Violation(path=_pointer(path), keyword="unicode", message=message, property=blamed)


def _is_unicode(text: str) -> bool:
    if text.isascii():  # O(1), even for a long data URL
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _repaired(text: str) -> str:
    if _is_unicode(text):
        return text
    return "".join(_REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in text)


def _readable(instance: object, depth: int = 0, *, longest: int | None = None) -> object:
    """Return a copy that jsonschema-rs can read: surrogates replaced, cut off where too deep.

    Of an array, the first `longest` items are copied. The copy is deeper than any schema.
    """
    if isinstance(instance, str):
        return _repaired(instance)
    if not isinstance(instance, (dict, list)):
        return instance
    if depth >= _DEEPEST:
        return None
    if isinstance(instance, dict):
        return {
            _repaired(name): _readable(value, depth + 1, longest=longest)
            for name, value in instance.items()
        }
    return [_readable(value, depth + 1, longest=longest) for value in instance[:longest]]
