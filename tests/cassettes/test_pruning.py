"""Pruning: what nothing refers to goes, and what is left is a cassette."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.cassettes.cassette_reader import read_cassette
from getimg_mock.cassettes.inspection import inspect_cassette
from getimg_mock.cassettes.pruning import PruneOptions, prune_cassette
from getimg_mock.errors import CassetteError
from tests.cassettes.written_cassette import IMAGE, WrittenCassette, build_result, draw_picture

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a cassette with three equal requests and another one."""
    made = WrittenCassette(tmp_path / "cassette")
    for turn in range(3):
        made.add_image(IMAGE, build_result(turn=turn), files=[draw_picture("red")])
    made.add_image(IMAGE | {"prompt": "Another"}, files=[draw_picture("blue")])
    return made.save()


def list_files(folder: Path) -> set[str]:
    """Return all files of a folder, by path and content."""
    return {f"{each.relative_to(folder)} {each.read_bytes()!r}" for each in folder.rglob("*.*")}


def test_a_cassette_in_which_all_is_used_stays_as_it_is(folder: Path) -> None:
    """Pruning twice is pruning once."""
    before = list_files(folder)
    assert prune_cassette(folder, PruneOptions()) == []
    assert list_files(folder) == before


def test_a_named_exchange_goes_with_its_media_and_equal_ones_are_numbered_anew(
    folder: Path,
) -> None:
    """The order of equal requests stays, without a gap, and media that others have stay."""
    red = next(each for each in read_cassette(folder).entries if each.occurrence == 3)
    gone = prune_cassette(folder, PruneOptions(names=[f"*-{red.digest}-1.json"]))
    assert gone == [f"exchanges/images.generate-{red.digest}-1.json"]
    left = [each for each in read_cassette(folder).entries if each.digest == red.digest]
    assert [(each.occurrence, each.response.body.value["turn"]) for each in left] == [
        (1, 1),
        (2, 2),
    ]
    assert inspect_cassette(folder) == []


def test_a_dry_run_lists_and_deletes_nothing(folder: Path) -> None:
    """What is listed is what a run without it deletes."""
    (folder / "media" / ".new-abc").write_bytes(b"half")
    before = list_files(folder)
    options = PruneOptions(before="2027-01-01", dry_run=True)
    listed = prune_cassette(folder, options)
    assert len(listed) == 4 + 2 + 1
    assert list_files(folder) == before
    assert prune_cassette(folder, PruneOptions(before="2027-01-01")) == listed
    assert not read_cassette(folder).entries
    assert not list((folder / "media").iterdir())


def test_a_name_that_no_exchange_has_is_refused(folder: Path) -> None:
    """A misspelt name deletes nothing, and says so."""
    before = list_files(folder)
    with pytest.raises(CassetteError, match="No exchange is named 'nothing'"):
        prune_cassette(folder, PruneOptions(names=["nothing"]))
    assert list_files(folder) == before
