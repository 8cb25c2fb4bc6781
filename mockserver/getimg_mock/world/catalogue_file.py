"""Reads a models file, validates it and merges it with the shipped catalogue.

Two forms. A bare array, as `GET /v2/models` answers it, replaces the catalogue. An object
`{"extends": true, "models": [...], "remove": ["id"]}` changes the shipped one; without `extends` it
replaces it, too. A model may have `x_mock`, our own key, with what the API does not show; a model
that is also in the shipped catalogue takes from there what its `x_mock` leaves out.

Unknown fields are accepted, since the real API may add some. `x_mock` is validated strictly.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, cast

from getimg_mock.errors import CatalogueError
from getimg_mock.world.catalogue_rules import find_faults, format_value, quote_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from getimg_mock.world.catalogue_rules import Fault

Entry: TypeAlias = dict[str, Any]

_MOST_BYTES: Final = 16 * 1024 * 1024
_KEYS: Final = ("extends", "models", "remove")


def read_entries(path: Path, *, shipped: Sequence[Entry]) -> list[Entry]:
    """Return the valid models that result from the file at `path`.

    Raises `CatalogueError`; its message begins with the location of the first error.
    """
    document = _parse_file(path, _read_text(path))
    found = list(_find_document_faults(document, shipped))
    if found:
        _refuse(path, found)
    return _merge(cast("list[Entry] | Entry", document), shipped)


def _refuse(path: Path, found: Sequence[Fault]) -> NoReturn:
    place, message = found[0]
    others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise CatalogueError(f"{path}: {place}: {message}{others}" if place else f"{path}: {message}")


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise CatalogueError(f"{path}: cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CatalogueError(f"{str(path)!r}: cannot be read: {error}.") from error
    if len(data) > _MOST_BYTES:
        raise CatalogueError(f"{path}: is larger than 16 MiB, too large for a models file.")
    try:
        # Editors and shells on Windows write a byte order mark.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CatalogueError(
            f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8."
        ) from error


def _parse_file(path: Path, text: str) -> object:
    try:
        document: object = json.loads(
            text,
            object_pairs_hook=_build_object,
            parse_float=_parse_finite,
            parse_constant=_refuse_constant,
        )
        # JSON can hold half a surrogate pair, an encoded answer cannot.
        json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise CatalogueError(
            f"{path}:{error.lineno}:{error.colno}: is not JSON: {error.msg}."
        ) from error
    except UnicodeEncodeError as error:
        raise CatalogueError(f"{path}: holds half of a surrogate pair.") from error
    except RecursionError as error:
        raise CatalogueError(f"{path}: is nested too deeply.") from error
    except ValueError as error:
        raise CatalogueError(f"{path}: {error}.") from error
    return document


def _build_object(pairs: list[tuple[str, Any]]) -> Entry:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"has the key {quote_text(twice)} twice in one object")
    return found


def _parse_finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError(f"holds a number that is too large: {text}")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"holds {name}, which is not JSON")


def _find_document_faults(document: object, shipped: Sequence[Entry]) -> Iterator[Fault]:
    if isinstance(document, list):
        yield from _find_models_faults(document)
    elif not isinstance(document, dict):
        yield (
            "",
            f"must be an array of models, or an object with them, not {format_value(document)}.",
        )
    elif isinstance(error := document.get("error"), dict):
        said = error.get("message")
        yield "error", f"is a refusal of the API, not its list of models: {format_value(said)}."
    else:
        yield from _find_object_faults(document, shipped)


def _find_object_faults(document: Entry, shipped: Sequence[Entry]) -> Iterator[Fault]:
    for key in document:
        if key not in _KEYS and key != "$schema":  # editors find the schema of a file by it
            close = get_close_matches(key, _KEYS, n=1, cutoff=0.5)
            hint = (
                f"did you mean {quote_text(close[0])}?" if close else f"known: {', '.join(_KEYS)}."
            )
            yield key, f"is an unknown key; {hint}"
    extends = document.get("extends", False)
    models = document.get("models", [])
    removed = document.get("remove", [])
    if not isinstance(extends, bool):
        yield "extends", f"must be true or false, not {format_value(extends)}."
    if not isinstance(models, list):
        yield "models", f"must be an array, not {format_value(models)}."
    elif models or not extends:
        yield from _find_models_faults(models)
    if not isinstance(removed, list):
        yield "remove", f"must be an array of model ids, not {format_value(removed)}."
        return
    if removed and extends is False:
        yield "remove", 'means something only with "extends": true.'
        return
    yield from _find_removal_faults(removed, [entry["id"] for entry in shipped])
    if extends is True and not models and len(set(map(str, removed))) >= len(shipped):
        yield "remove", "leaves no model."


def _find_removal_faults(removed: list[Any], known: Sequence[str]) -> Iterator[Fault]:
    for index, model_id in enumerate(removed):
        if model_id in known and model_id not in removed[:index]:
            continue
        place = f"remove[{index}]"
        if not isinstance(model_id, str):
            yield place, f"must be the id of a model, not {format_value(model_id)}."
        elif model_id in known:
            yield place, f"names {quote_text(model_id)} a second time."
        else:
            close = get_close_matches(model_id[:100], known, n=1, cutoff=0.5)
            hint = f"; did you mean {quote_text(close[0])}?" if close else "."
            yield place, f"unknown model {format_value(model_id)}{hint}"


def _find_models_faults(models: list[Any]) -> Iterator[Fault]:
    if not models:
        yield "models", "holds no model; a catalogue needs at least one."
    seen: dict[str, int] = {}
    for index, entry in enumerate(models):
        place = f"models[{index}]"
        for below, message in find_faults(entry):
            yield place + below, message
        model_id = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(model_id, str):
            continue
        if model_id in seen:
            first = f"models[{seen[model_id]}]"
            yield f"{place}.id", f"{quote_text(model_id)} is the id of {first} already."
        seen.setdefault(model_id, index)


def _merge(document: list[Entry] | Entry, shipped: Sequence[Entry]) -> list[Entry]:
    known = {entry["id"]: entry for entry in shipped}
    if isinstance(document, list):
        return [_complete(entry, known) for entry in document]
    merged = {}
    if document.get("extends", False):
        removed = document.get("remove", [])
        merged = {key: entry for key, entry in known.items() if key not in removed}
    merged |= {entry["id"]: _complete(entry, known) for entry in document.get("models", [])}
    return list(merged.values())


def _complete(entry: Entry, known: dict[str, Entry]) -> Entry:
    """Fill in what `x_mock` leaves out, where the shipped catalogue has a model of that id."""
    shipped = known.get(entry["id"])
    if shipped is None or shipped["type"] != entry["type"]:
        return entry
    own, theirs = entry.get("x_mock", {}), shipped["x_mock"]
    sizes = {
        ratio: {**theirs["sizes"].get(ratio, {}), **own.get("sizes", {}).get(ratio, {})}
        for ratio in entry["supported_aspect_ratios"]
    }
    return {**entry, "x_mock": {**theirs, **own, "sizes": sizes}}
