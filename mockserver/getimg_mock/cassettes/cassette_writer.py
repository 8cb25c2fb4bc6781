"""Writes a cassette so that recording it again, or merging two, gives small differences."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, BinaryIO

from getimg_mock import schemas
from getimg_mock.cassettes.cassette import Cassette, Manifest, RecordedExchange, RecordedJob
from getimg_mock.cassettes.cassette_files import (
    EXCHANGES,
    MANIFEST,
    MAX_ENTRY_SIZE,
    MEDIA,
    format_entry_name,
    format_media_name,
    list_entry_names,
)
from getimg_mock.cassettes.cassette_reader import read_entry, read_manifest
from getimg_mock.cassettes.encoded_entries import encode_entry, encode_manifest
from getimg_mock.errors import CassetteError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from getimg_mock.schemas import Json


def prepare_folder(folder: Path) -> None:
    """Create the folders of a cassette; raises `CassetteError` if something else is there."""
    try:
        if folder.is_dir() and {each.name for each in folder.iterdir()} - {EXCHANGES, MEDIA}:
            read_manifest(folder)
        for each in (folder / EXCHANGES, folder / MEDIA):
            each.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CassetteError(f"{folder} cannot be written: {error.strerror}.") from None


def write_media(folder: Path, data: bytes, media_type: str) -> str:
    """Store a media file under its digest, once; returns its name."""
    name = format_media_name(hashlib.sha256(data).hexdigest(), media_type)
    if not (folder / MEDIA / name).exists():
        _write_file(folder / MEDIA / name, data)
    return name


def write_entry(folder: Path, entry: RecordedExchange) -> None:
    """Write one entry, in place of an earlier one of the same name."""
    _write_json(folder / EXCHANGES / format_entry_name(entry), encode_entry(entry))


def write_entries(folder: Path, entries: Iterable[RecordedExchange]) -> list[str]:
    """Write entries, and remove earlier ones of the same requests; returns the files' names.

    Entries of requests that were not made again stay: recording a part renews that part.
    """
    kept = list(entries)
    renewed = {(each.operation, each.digest) for each in kept}
    names = {format_entry_name(each) for each in kept}
    for name in list_entry_names(folder):
        operation, digest, _ = name.split("-")
        known = (operation, digest) in renewed or ("", digest) in renewed
        if known and name not in names:
            (folder / EXCHANGES / name).unlink()
    for each in kept:
        write_entry(folder, each)
    return sorted(names)


def format_draft(entry: RecordedExchange) -> bytes | None:
    """Return an entry as a file of one line; None where a cassette cannot hold it.

    An entry that is not as its schema says is none that a cassette can hold.
    """
    value = encode_entry(entry)
    schema = "own/cassette-job" if value["kind"] == "job" else "own/cassette-exchange"
    if schemas.violations(schema, value):
        return None
    text = json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"
    draft = text.encode("utf-8", "backslashreplace")
    # Indented, each line has at most two spaces for each container that it is in.
    containers = draft.count(b"{") + draft.count(b"[")
    lines = 2 * containers + draft.count(b",")
    fits = len(draft) + lines * (2 * containers + 1) <= MAX_ENTRY_SIZE
    return draft if fits or len(_format_json(value)) <= MAX_ENTRY_SIZE else None


def write_draft(folder: Path, entry: RecordedExchange, draft: bytes) -> None:
    """Write an entry as `format_draft` has it, until `write_entries` writes it for readers.

    It takes a fourth of the time, and a recording that is interrupted has it all the same.
    """
    _write_file(folder / EXCHANGES / format_entry_name(entry), draft)


def write_manifest(folder: Path, *, product: str, contract: str, upstream: str) -> Manifest:
    """Write the manifest of all that is in a folder, and return it."""
    entries = tuple(read_entry(folder, name) for name in list_entry_names(folder))
    manifest = compute_manifest(entries, product=product, contract=contract, upstream=upstream)
    _write_json(folder / MANIFEST, encode_manifest(manifest))
    return manifest


def compute_manifest(
    entries: Iterable[RecordedExchange], *, product: str, contract: str, upstream: str
) -> Manifest:
    """Return the manifest that a cassette with these entries has."""
    listed = list(entries)
    jobs = sum(isinstance(each, RecordedJob) for each in listed)
    return Manifest(
        product=product,
        contract=contract,
        upstream=upstream,
        recorded=tuple(sorted({each.recorded for each in listed})),
        spend=sum((each.cost for each in listed), Decimal(0)),
        exchanges=len(listed) - jobs,
        jobs=jobs,
        media=len({file.media for each in listed for file in each.files}),
    )


def write_cassette(cassette: Cassette) -> Cassette:
    """Write all of a cassette but its media; returns it with the manifest as written."""
    prepare_folder(cassette.folder)
    write_entries(cassette.folder, cassette.entries)
    told = cassette.manifest
    manifest = write_manifest(
        cassette.folder, product=told.product, contract=told.contract, upstream=told.upstream
    )
    return replace(cassette, manifest=manifest)


def _write_json(path: Path, value: Json) -> None:
    _write_file(path, _format_json(value))


def _format_json(value: Json) -> bytes:
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def _write_file(path: Path, data: bytes) -> None:
    """Replace a file as a whole: a recording that is interrupted leaves no half of one."""
    fresh = path.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        with _create_file(fresh) as file:
            file.write(data)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise CassetteError(f"{path} cannot be written: {error.strerror}.") from None


def _create_file(path: Path) -> BinaryIO:
    """Create a file, in place of what an interrupted recording has left there."""
    try:
        return path.open("xb")
    except FileExistsError:
        path.unlink()
        return path.open("xb")
