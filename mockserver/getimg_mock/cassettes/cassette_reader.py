"""Reads a cassette; raises `CassetteError` with one sentence for anything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock import schemas
from getimg_mock.cassettes.cassette import FORMAT, Cassette, Manifest, RecordedExchange
from getimg_mock.cassettes.cassette_files import (
    EXCHANGES,
    MANIFEST,
    MAX_CASSETTE_SIZE,
    MAX_ENTRY_SIZE,
    format_entry_name,
    list_entry_names,
    measure_file,
    read_json_file,
)
from getimg_mock.cassettes.encoded_entries import decode_entry, decode_manifest
from getimg_mock.errors import CassetteError

if TYPE_CHECKING:
    from pathlib import Path


def read_cassette(folder: Path) -> Cassette:
    """Return the cassette in a folder, without the content of its media.

    Raises `CassetteError` for a folder, a name, a size or a value that is not as documented.
    """
    manifest = read_manifest(folder)
    entries, size = [], 0
    for name in list_entry_names(folder):
        size += measure_file(folder / EXCHANGES / name, MAX_ENTRY_SIZE)
        if size > MAX_CASSETTE_SIZE:
            raise CassetteError(
                f"{folder} has more than {MAX_CASSETTE_SIZE >> 20} MiB of exchanges. Split it."
            )
        entries.append(read_entry(folder, name))
    return Cassette(folder=folder, manifest=manifest, entries=tuple(entries))


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a cassette."""
    path = folder / MANIFEST
    if not path.is_file():
        raise CassetteError(
            f"{folder} is not a cassette: it has no {MANIFEST}. "
            "Record one with getimg-mock record --out FOLDER --budget 1 -- COMMAND."
        )
    value = read_json_file(path)
    found = value.get("format") if isinstance(value, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise CassetteError(
            f"{path} has format {found}, and this version reads up to {FORMAT}. Update getimg-mock."
        )
    _require_match("own/cassette-manifest", path, value)
    return decode_manifest(value)


def read_entry(folder: Path, name: str) -> RecordedExchange:
    """Return the entry in a file of the folder `exchanges`."""
    path = folder / EXCHANGES / name
    value = read_json_file(path)
    kind = value.get("kind") if isinstance(value, dict) else None
    _require_match("own/cassette-job" if kind == "job" else "own/cassette-exchange", path, value)
    digest, occurrence = name.removesuffix(".json").split("-")[1:]
    entry = decode_entry(value, digest, int(occurrence))
    if format_entry_name(entry) != name:
        raise CassetteError(
            f"{path} is an exchange of {entry.operation or 'no operation'}: rename it to "
            f"{format_entry_name(entry)}."
        )
    return entry


def _require_match(schema: str, path: Path, value: Any) -> None:
    found = schemas.violations(schema, value)
    if found:
        raise CassetteError(
            f"{path}: {found[0].message} at {found[0].path or '/'}; {schema}.json describes it."
        )
