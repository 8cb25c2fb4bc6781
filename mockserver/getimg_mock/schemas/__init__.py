"""The JSON Schemas of all messages of the API, by name.

    from getimg_mock.schemas import create_registry, load_schema, names, violations

A file is read, and a validator compiled, when it is first used. Nothing here reads the network: a
reference to anything but a shipped file is an error. docs/schemas.md says what each schema is.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import jsonschema_rs

from getimg_mock._shipped import open_folder, read_text
from getimg_mock.errors import MissingPackageError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from referencing import Registry

Json = dict[str, Any]
"""A JSON object."""

ADDRESS: Final = "https://getimg-mock.invalid/schemas/"

# jsonschema-rs gives up at about 255 levels; no schema of ours looks deeper than seven.
_DEEPEST: Final = 64
# How many items of an array are looked at for violations: far more than any request may have.
_LONGEST: Final = 100
# What a lone surrogate is shown as, and replaced by while the rest is validated.
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One way in which a message is not what its schema says.

    `path` is the JSON pointer of the value that is wrong; for a missing property, or a wrong name,
    that of the object. `keyword` is the schema keyword it breaks, or `unicode` for a lone
    surrogate, which JSON Schema has no word for. `property` is the name of the property to blame:
    the missing one, else the last name on the path, else None. `limit` is what the keyword demands,
    such as 4096 or a list of types. Neither message nor limit repeats anything of the value.
    """

    path: str
    keyword: str
    message: str
    property: str | None
    limit: object = None


@cache
def names() -> tuple[str, ...]:
    """Return the names of the schemas of getimg.ai's messages, sorted."""
    files = (entry.name for entry in open_folder("schemas").iterdir())
    return tuple(
        sorted(name[:-5] for name in files if name.endswith(".json") and name != "openapi.json")
    )


@cache
def own_names() -> tuple[str, ...]:
    """Return the names of the schemas of what is ours alone, such as `own/scenario`, sorted."""
    files = (entry.name for entry in open_folder("schemas").joinpath("own").iterdir())
    return tuple(sorted(f"own/{name[:-5]}" for name in files if name.endswith(".json")))


@cache
def schema(name: str) -> Json:
    """Return the schema `name` as it is in its file; it is shared, so it must not be changed."""
    known = names() + own_names()
    if name not in known:
        raise UnknownNameError("schema", name, known)
    loaded: Json = json.loads(read_text("schemas", f"{name}.json"))
    return loaded


def load_schema(name: str) -> Json:
    """Return a copy of the schema `name`, such as `video-generation`.

    Raises `UnknownNameError` for a schema that does not exist.
    """
    return deepcopy(schema(name))


def create_registry() -> Registry[Json]:
    """Return a registry in which any validator resolves the references between the schemas.

    Pass it to `jsonschema.Draft202012Validator` as `registry`. Raises `MissingPackageError` where
    the package referencing, on which jsonschema depends, is not installed.
    """
    try:
        from referencing import Registry, Resource  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        raise MissingPackageError(
            "A registry of the schemas needs referencing: pip install jsonschema."
        ) from None
    every = ((f"{ADDRESS}{name}.json", load_schema(name)) for name in names() + own_names())
    return Registry().with_resources(
        (address, Resource.from_contents(contents)) for address, contents in every
    )


@cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return the compiled validator of the schema `name`; formats are asserted.

    Its methods raise `ValueError` on a lone surrogate and on nesting too deep: `violations` does
    not.
    """
    return jsonschema_rs.Draft202012Validator(
        schema(name), validate_formats=True, retriever=_retrieve, mask="The value"
    )


def violations(name: str, instance: object) -> list[Violation]:
    """Return how `instance` differs from the schema `name`; an empty list when it does not.

    What is missing comes first, then the order of the schema's properties. A union is dispatched
    on its discriminator, so that every violation is about the branch that was meant. A lone
    surrogate is a violation wherever it stands. Not everything is listed that is wrong with an
    array of more than a hundred items, but something always is.
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

    jsonschema-rs would make an error for each of the ten million wrong items that a body of
    25 MiB can hold, at 24 us and 2 kB apiece.
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
    """Return the schema to hold `instance` to: that of its branch when `name` is a union."""
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
    """Sort what is missing before what is wrong, then by top-level property; ties keep order."""
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

    What stands under such a name is passed over: no path could lead there.
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
    if text.isascii():  # known without looking at the text, however long a data URL it is
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

    Of an array, the first `longest` items are copied. No schema looks deeper than the copy goes.
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
