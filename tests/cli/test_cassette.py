"""`getimg-mock cassette`: what each action prints, and with which status it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from getimg_mock.cli import main
from tests.cassettes.written_cassette import IMAGE, WrittenCassette

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def made(tmp_path: Path) -> WrittenCassette:
    """Return a cassette with an image and a failed video."""
    cassette = WrittenCassette(tmp_path / "cassette")
    cassette.add_image(IMAGE | {"prompt": "A light\x1bhouse " + "x" * 60}, seconds=28.4)
    final = {"id": "{generation}", "status": "failed", "error": {"message": "No.", "code": "x"}}
    cassette.add_video(final, changes=[("pending", 0), ("failed", 7.5)], files=[], cost="0")
    cassette.save()
    return cassette


def test_ls_has_a_line_for_each_exchange(
    made: WrittenCassette, capsys: pytest.CaptureFixture[str]
) -> None:
    """File, outcome, time, cost and prompt; what a terminal could obey is replaced."""
    assert main(["cassette", "ls", str(made.folder)]) == 0
    head, image, video = capsys.readouterr().out.splitlines()
    assert head.startswith("1 exchanges, 1 jobs, 1 files of api.getimg.ai, recorded 2026-11-01, ")
    assert image.startswith(f"images.generate-{made.entries[0].digest}-1.json  200  28.4 s  0.07")
    assert image.endswith("A light\N{REPLACEMENT CHARACTER}house " + "x" * 26 + "...")
    assert "  failed  7.5 s  0 USD  Waves" in video
    assert main(["cassette", "ls", str(made.folder), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["status"] for each in listed["entries"]] == ["200", "failed"]


def test_show_prints_the_one_exchange_whose_name_begins_so(
    made: WrittenCassette, capsys: pytest.CaptureFixture[str]
) -> None:
    """A beginning is enough where it is the beginning of one name."""
    assert main(["cassette", "show", str(made.folder), "videos"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "job"
    assert main(["cassette", "show", str(made.folder), "audio"]) == 2
    assert main(["cassette", "show", str(made.folder), ""]) == 2
    assert "2 names begin with ''" in capsys.readouterr().err


def test_check_ends_with_1_for_a_secret_and_with_0_without(
    made: WrittenCassette, capsys: pytest.CaptureFixture[str]
) -> None:
    """So it can guard a repository."""
    assert main(["cassette", "check", str(made.folder)]) == 0
    assert capsys.readouterr().out == "No problems.\n"
    path = next((made.folder / "exchanges").glob("images*"))
    text = path.read_text(encoding="utf-8").replace("100 % white", "sk_live_0123456789")
    path.write_text(text, encoding="utf-8")
    assert main(["cassette", "check", str(made.folder)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"secret  exchanges/{path.name}: /response/json/revised_prompt holds an")
    assert main(["cassette", "check", str(made.folder), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0]["severity"] == "secret"


def test_prune_says_what_it_deletes(
    made: WrittenCassette, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also what it would delete, and that there was nothing."""
    arguments = ["cassette", "prune", str(made.folder)]
    assert main([*arguments, "--entry", "videos*", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("Would delete exchanges/videos.create-")
    assert main([*arguments, "--entry", "videos*"]) == 0
    assert capsys.readouterr().out.startswith("Deleted exchanges/videos.create-")
    assert main(arguments) == 0
    assert capsys.readouterr().out == "Nothing to delete.\n"
    assert main([*arguments, "--before", "yesterday"]) == 2
    assert main(["cassette", "ls", str(made.folder / "media")]) == 2
