"""Deletes from a cassette what is not wanted, and what nothing refers to."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from getimg_mock.cassettes.cassette_files import EXCHANGES, MEDIA, format_entry_name
from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.cassettes.cassette_writer import write_manifest
from getimg_mock.cassettes.inspection import find_unused_media
from getimg_mock.errors import CassetteError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from getimg_mock.cassettes.cassette import RecordedExchange

_UNFINISHED = ".new-"


@dataclass(frozen=True, slots=True)
class PruneOptions:
    """Which exchanges go: those recorded `before` a date, and those whose names match `names`.

    `dry_run` deletes nothing.
    """

    before: str | None = None
    names: Sequence[str] = ()
    dry_run: bool = False


def prune_cassette(folder: Path, options: PruneOptions) -> list[str]:
    """Delete unwanted exchanges, unused media and unfinished files; returns what goes.

    Exchanges of equal requests are numbered anew. The manifest says what is left. Raises
    `CassetteError` for a cassette that cannot be read, and for a name that no exchange has.
    """
    cassette = read_cassette(folder)
    _require_matches(cassette.entries, options.names)
    unwanted = [each for each in cassette.entries if _is_unwanted(each, options)]
    kept = [each for each in cassette.entries if each not in unwanted]
    used = {file.media for entry in kept for file in entry.files}
    gone = [f"{EXCHANGES}/{format_entry_name(each)}" for each in unwanted]
    gone += [f"{MEDIA}/{name}" for name in find_unused_media(folder, used)]
    for place in (EXCHANGES, MEDIA):
        found = sorted((folder / place).glob(f"{_UNFINISHED}*"))
        gone += [f"{place}/{each.name}" for each in found]
    if options.dry_run:
        return gone
    try:
        for name in gone:
            (folder / name).unlink()
        _number_anew(folder, kept)
    except OSError as error:
        raise CassetteError(f"{error.filename} cannot be deleted: {error.strerror}.") from None
    told = cassette.manifest
    write_manifest(folder, product=told.product, contract=told.contract, upstream=told.upstream)
    return gone


def _require_matches(entries: Sequence[RecordedExchange], names: Sequence[str]) -> None:
    known = [format_entry_name(each) for each in entries]
    for name in names:
        if not any(fnmatchcase(each, name) for each in known):
            raise CassetteError(f"No exchange is named {name[:80]!r}: see cassette ls.")


def _is_unwanted(entry: RecordedExchange, options: PruneOptions) -> bool:
    if options.before is not None and entry.recorded < options.before:
        return True
    return any(fnmatchcase(format_entry_name(entry), each) for each in options.names)


def _number_anew(folder: Path, entries: Sequence[RecordedExchange]) -> None:
    """Close the gaps in the numbers of equal requests."""
    counts: dict[str, int] = {}
    for entry in sorted(entries, key=lambda each: each.occurrence):
        name = format_entry_name(entry)
        stem = name.rpartition("-")[0]
        counts[stem] = counts.get(stem, 0) + 1
        if counts[stem] != entry.occurrence:
            (folder / EXCHANGES / name).rename(folder / EXCHANGES / f"{stem}-{counts[stem]}.json")
