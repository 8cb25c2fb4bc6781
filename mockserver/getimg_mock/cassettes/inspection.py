"""Checks a cassette that was edited, merged or received: secrets, shapes, and its media."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeGuard

from getimg_mock.cassettes.canonical_requests import canonicalize_value, compute_digest
from getimg_mock.cassettes.cassette_files import (
    EXCHANGES,
    MANIFEST,
    MEDIA,
    format_entry_name,
    is_entry_name,
    list_entry_names,
    list_media_names,
    measure_file,
    read_json_file,
    read_media_file,
)
from getimg_mock.cassettes.cassette_reader import read_entry, read_manifest
from getimg_mock.cassettes.cassette_writer import compute_manifest
from getimg_mock.cassettes.outcomes import build_outcome, is_replayed
from getimg_mock.cassettes.secret_search import (
    find_amounts,
    find_foreign_headers,
    find_secrets,
)
from getimg_mock.errors import CassetteError, SettingsError
from getimg_mock.media.own_files import describe_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from getimg_mock.cassettes.cassette import RecordedExchange, RecordedFile

ProblemSeverity = Literal["secret", "fault", "note"]

_DECODED: Final = ("jpg", "png", "webp", "mp4")


@dataclass(frozen=True, slots=True)
class CassetteProblem:
    """What is wrong with a cassette, and where; a note says what could be better."""

    severity: ProblemSeverity
    place: str
    text: str


def inspect_cassette(folder: Path) -> list[CassetteProblem]:
    """Return what is wrong with the cassette in a folder; changes nothing."""
    found: list[CassetteProblem] = []
    for check in (_check_manifest, _check_names):
        found += check(folder)
    entries = []
    for name in _list_entries(folder):
        found += _search_file(folder / EXCHANGES / name, f"{EXCHANGES}/{name}")
        try:
            entry = read_entry(folder, name)
        except CassetteError as error:
            found.append(CassetteProblem("fault", f"{EXCHANGES}/{name}", str(error)))
            continue
        entries.append(entry)
        found += _check_entry(folder, entry)
    found += _check_rest(folder, entries)
    return found


def _check_manifest(folder: Path) -> Iterator[CassetteProblem]:
    try:
        read_manifest(folder)
    except CassetteError as error:
        yield CassetteProblem("fault", MANIFEST, str(error))
        return
    yield from _search_file(folder / MANIFEST, MANIFEST)


def _check_names(folder: Path) -> Iterator[CassetteProblem]:
    for listing, name in ((list_entry_names, EXCHANGES), (list_media_names, MEDIA)):
        try:
            listing(folder)
        except CassetteError as error:
            yield CassetteProblem("fault", name, str(error))


def _list_entries(folder: Path) -> list[str]:
    """Return the names of entries, also where others are among them."""
    place = folder / EXCHANGES
    if place.is_symlink() or not place.is_dir():
        return []
    return sorted(each.name for each in place.iterdir() if is_entry_name(each.name))


def _search_file(path: Path, place: str) -> Iterator[CassetteProblem]:
    """Yield the secrets in a file, whether or not it is valid otherwise."""
    try:
        value = read_json_file(path)
    except CassetteError:
        return  # reading the entry says so
    for where, kind in _find_all(value):
        yield CassetteProblem("secret", place, f"{where} holds {kind}. Replace it, or delete it.")


def _find_all(value: Any) -> Iterator[tuple[str, str]]:
    first: dict[str, str] = {}
    for where, kind in find_secrets(value):
        first.setdefault(where, kind)
    yield from first.items()
    if not isinstance(value, dict):
        return
    given = value.get("interruptions")
    interruptions = [each for each in given if isinstance(each, dict)] if _is_list(given) else []
    polls = [each.get("response") for each in interruptions]
    for part in (value.get("response"), value.get("final"), *polls):
        headers = part.get("headers") if isinstance(part, dict) else None
        if isinstance(headers, dict):
            for name, kind in find_foreign_headers(headers):
                yield f"the header {name}", kind
    response = value.get("response")
    body = response.get("json") if isinstance(response, dict) else None
    yield from find_amounts(str(value.get("operation")), body)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _check_entry(folder: Path, entry: RecordedExchange) -> Iterator[CassetteProblem]:
    name = format_entry_name(entry)
    place = f"{EXCHANGES}/{name}"
    body = entry.request.body
    if body.kind == "json" and canonicalize_value(body.value) != body.value:
        yield CassetteProblem(
            "fault",
            place,
            "its request is not in canonical form, so no request is equal to it. Leave out nulls, "
            "and give data URLs and the queries of links as placeholders.",
        )
    digest = compute_digest(entry.operation, entry.request)
    if digest != entry.digest:
        wanted = name.replace(entry.digest, digest)
        yield CassetteProblem("fault", place, f"its request was edited: rename it to {wanted}.")
    for file in entry.files:
        yield from _check_file(folder, file, place)
    if is_replayed(entry):
        try:
            build_outcome(entry, folder.absolute())
        except CassetteError as error:
            yield CassetteProblem("fault", place, str(error))


def _check_file(folder: Path, file: RecordedFile, place: str) -> Iterator[CassetteProblem]:
    try:
        data = read_media_file(folder, file.media)
    except CassetteError as error:
        yield CassetteProblem("fault", place, str(error))
        return
    if len(data) != file.size:
        yield CassetteProblem(
            "fault", place, f"{file.media} has {len(data)} bytes, not {file.size}."
        )
    if file.media.rpartition(".")[2] in _DECODED:
        try:
            describe_file(str(folder / MEDIA / file.media))
        except SettingsError as error:
            yield CassetteProblem("fault", place, str(error))


def _check_rest(folder: Path, entries: list[RecordedExchange]) -> Iterator[CassetteProblem]:
    """Yield media that no entry has, and a manifest that does not say what is there."""
    used = {file.media for entry in entries for file in entry.files}
    for name in find_unused_media(folder, used):
        size = measure_file(folder / MEDIA / name, 1 << 62)
        yield CassetteProblem(
            "note", f"{MEDIA}/{name}", f"no exchange has it ({size} bytes): prune deletes it."
        )
    try:
        manifest = read_manifest(folder)
    except CassetteError:
        return
    made = compute_manifest(
        entries,
        product=manifest.product,
        contract=manifest.contract,
        upstream=manifest.upstream,
    )
    if made != manifest:
        yield CassetteProblem(
            "note", MANIFEST, "its counts are not those of the files: prune writes it anew."
        )


def find_unused_media(folder: Path, used: set[str]) -> list[str]:
    """Return the names of media files that are not among those in use."""
    try:
        return [name for name in list_media_names(folder) if name not in used]
    except CassetteError:
        return []
