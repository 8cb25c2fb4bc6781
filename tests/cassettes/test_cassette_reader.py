"""What a cassette says is read as it was written, and nothing in it is trusted."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.cassettes.cassette_files import format_entry_name, read_media_file
from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.errors import CassetteError
from tests.cassettes.samples import PICTURE, write_sample

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Reading gives equal values, with a manifest that was computed from the files."""
    written = write_sample(tmp_path)
    found = read_cassette(tmp_path)
    assert sorted(found.entries, key=format_entry_name) == sorted(
        written.entries, key=format_entry_name
    )
    assert found.manifest == written.manifest
    assert found.manifest.spend == Decimal("0.29")
    assert (found.manifest.exchanges, found.manifest.jobs, found.manifest.media) == (2, 1, 1)
    assert read_media_file(tmp_path, *found.media) == PICTURE


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    """The message says how a cassette is made."""
    with pytest.raises(CassetteError, match="getimg-mock record"):
        read_cassette(tmp_path)


def _edit(tmp_path: Path, pattern: str, **fields: Any) -> None:
    path = next(tmp_path.glob(pattern))
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("pattern", "fields", "words"),
    [
        ("manifest.json", {"format": 2}, "Update getimg-mock"),
        ("manifest.json", {"spend": "-1"}, "/spend"),
        ("manifest.json", {"upstream": "<b>x</b>"}, "/upstream"),
        ("exchanges/images*0-1.json", {"operation": "models.list"}, "rename it"),
        ("exchanges/images*0-1.json", {"seconds": -1}, "/seconds"),
        ("exchanges/images*0-1.json", {"cost": "1e999"}, "/cost"),
        ("exchanges/images*0-1.json", {"extra": 1}, "cassette-exchange"),
        ("exchanges/videos*.json", {"changes": [{"status": 1}]}, "cassette-job"),
        (
            "exchanges/images*0-1.json",
            {"files": [{"index": 0, "media": "../../x", "media_type": "", "size": 1}]},
            "/files/0/media",
        ),
    ],
)
def test_a_value_that_is_wrong_is_named(
    tmp_path: Path, pattern: str, fields: dict[str, Any], words: str
) -> None:
    """One sentence says which file is wrong, and where."""
    write_sample(tmp_path)
    _edit(tmp_path, pattern, **fields)
    with pytest.raises(CassetteError, match=words) as caught:
        read_cassette(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"nul", b"\xff", b"[" * 100_000, b'{"kind": NaN}', b'"\\ud800"']
)
def test_a_file_that_is_not_an_entry_is_named(tmp_path: Path, content: bytes) -> None:
    """Text that is not JSON, or too deep, never ends in a stack trace."""
    write_sample(tmp_path)
    next(tmp_path.glob("exchanges/videos*")).write_bytes(content)
    with pytest.raises(CassetteError, match="videos"):
        read_cassette(tmp_path)


@pytest.mark.parametrize("name", ["x.json", "\x1b[31m-1.json", "a" * 200, "images.generate-1-1"])
def test_a_file_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    """Names that are not those of entries are shown without control characters, and cut."""
    write_sample(tmp_path)
    (tmp_path / "exchanges" / name).write_text("{}")
    with pytest.raises(CassetteError, match="not part of a cassette") as caught:
        read_cassette(tmp_path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value).partition(" holds ")[2]) < 250


def test_links_and_large_files_are_not_followed(tmp_path: Path) -> None:
    """A cassette cannot make its reader read another file of the machine, or gigabytes."""
    write_sample(tmp_path)
    path = next(tmp_path.glob("exchanges/videos*"))
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CassetteError, match="not a regular file"):
        read_cassette(tmp_path)
    path.unlink()
    with path.open("wb") as file:
        file.truncate((4 << 20) + 1)
    with pytest.raises(CassetteError, match="more than 4 MiB"):
        read_cassette(tmp_path)


def test_media_are_what_their_names_say(tmp_path: Path) -> None:
    """A file that was exchanged, and a name that is a path, are refused."""
    name = next(iter(write_sample(tmp_path).media))
    (tmp_path / "media" / name).write_bytes(b"another")
    with pytest.raises(CassetteError, match="altered"):
        read_media_file(tmp_path, name)
    with pytest.raises(CassetteError, match="not the name"):
        read_media_file(tmp_path, "../manifest.json")
