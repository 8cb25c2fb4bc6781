"""Recording again changes what has changed, and folders merge by copying."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from getimg_mock.cassettes.cassette import RecordedBody
from getimg_mock.cassettes.cassette_files import MAX_ENTRY_SIZE, format_entry_name
from getimg_mock.cassettes.cassette_reader import read_cassette, read_entry
from getimg_mock.cassettes.cassette_writer import (
    format_draft,
    prepare_folder,
    write_cassette,
    write_draft,
    write_entries,
    write_manifest,
    write_media,
)
from getimg_mock.errors import CassetteError
from tests.cassettes.samples import PICTURE, build_refusal, write_sample

if TYPE_CHECKING:
    from pathlib import Path


def _read_all(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_writing_again_changes_no_byte(tmp_path: Path) -> None:
    """A recording of the same is the same: a diff shows what has changed, and nothing else."""
    write_sample(tmp_path)
    before = _read_all(tmp_path)
    write_cassette(read_cassette(tmp_path))
    assert _read_all(tmp_path) == before


def test_recording_again_replaces_all_of_a_request_and_nothing_else(tmp_path: Path) -> None:
    """Of three equal requests that are two now, the third is removed; other requests stay."""
    write_sample(tmp_path)
    write_entries(tmp_path, [build_refusal("a", number) for number in (1, 2, 3)])
    assert len(read_cassette(tmp_path).entries) == 6
    newer = [replace(build_refusal("a", number), recorded="2026-12-01") for number in (1, 2)]
    write_entries(tmp_path, newer)
    found = read_cassette(tmp_path).entries
    assert len(found) == 5
    assert {each.recorded for each in found if each.digest == newer[0].digest} == {"2026-12-01"}


def test_cassettes_merge_by_copying(tmp_path: Path) -> None:
    """The files of two recordings do not clash, and the manifest can be computed again."""
    one, two = tmp_path / "one", tmp_path / "two"
    write_sample(one)
    prepare_folder(two)
    write_entries(two, [build_refusal("other")])
    shutil.copytree(two, one, dirs_exist_ok=True)
    merged = write_manifest(one, product="1", contract="1", upstream="api.getimg.ai")
    assert (merged.exchanges, merged.jobs) == (3, 1)
    assert read_cassette(one).manifest == merged


def test_equal_media_are_stored_once(tmp_path: Path) -> None:
    """The name of a file is its digest."""
    prepare_folder(tmp_path)
    assert write_media(tmp_path, PICTURE, "image/jpeg") == write_media(
        tmp_path, PICTURE, "image/jpeg; charset=x"
    )
    assert len(list((tmp_path / "media").iterdir())) == 1


def test_a_folder_of_something_else_is_not_written_to(tmp_path: Path) -> None:
    """A misspelled path does not put a cassette into a user's folder."""
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(CassetteError, match="not a cassette"):
        prepare_folder(tmp_path)
    with pytest.raises(CassetteError, match="cannot be written"):
        prepare_folder(tmp_path / "thesis.txt")


def test_a_draft_is_read_as_the_entry_that_it_becomes(tmp_path: Path) -> None:
    """A recording that is killed leaves drafts."""
    entry = build_refusal("a")
    prepare_folder(tmp_path)
    draft = format_draft(entry)
    assert draft is not None
    write_draft(tmp_path, entry, draft)
    name = format_entry_name(entry)
    assert read_entry(tmp_path, name) == entry
    write_entries(tmp_path, [entry])
    assert read_entry(tmp_path, name) == entry
    assert len((tmp_path / "exchanges" / name).read_bytes().splitlines()) > 10


@pytest.mark.slow
def test_what_is_too_large_for_readers_is_not_kept() -> None:
    """The indented file counts: nested deeply, a short answer becomes a long file."""
    deep: list[object] = []
    for _ in range(400):
        deep = [deep]
    entry = build_refusal("a")
    for count, kept in ((1, True), (40, False)):
        value = [deep] * count
        response = replace(entry.response, body=RecordedBody("json", value))
        assert len(json.dumps(value)) < MAX_ENTRY_SIZE
        assert (len(json.dumps(value, indent=2)) < MAX_ENTRY_SIZE) == kept
        assert (format_draft(replace(entry, response=response)) is not None) == kept
