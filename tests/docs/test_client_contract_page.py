"""The page on the client contract shows what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from getimg_mock.cli import main

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "client-contract.md"
TIME = re.compile(r"\d\d:\d\d:\d\d\.\d")


def test_the_failure_on_the_page_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for the pause before the second try, which is the client's own."""
    shown = PAGE.read_text(encoding="utf-8").partition("```console\n$ getimg-mock ")[2]
    command, _, text = shown.partition("```")[0].partition("\n")
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)) == 1
    assert TIME.sub("T", capsys.readouterr().out) == TIME.sub("T", text)
