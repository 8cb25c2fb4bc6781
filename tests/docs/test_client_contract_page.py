"""docs/client-contract.md: drivers, options, numbers and output are those that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from getimg_mock._shipped import open_folder
from getimg_mock.cli import main
from getimg_mock.contract.clients.cases.case_rules import OPS, OPTIONS
from getimg_mock.contract.clients.drivers.adapters import SHIPPED

PAGE = Path(__file__).parents[2].joinpath("docs", "client-contract.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("language", "file"),
    [
        ("python", "driver.py"),
        ("javascript", "driver.mjs"),
    ],
)
def test_the_drivers_on_the_page_are_the_files(language: str, file: str) -> None:
    """Who copies it from the page gets what is tested."""
    (shown,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert shown == open_folder("fixtures").joinpath("drivers", file).read_text(encoding="utf-8")


def test_operations_options_and_adapters_stand_on_the_page() -> None:
    """What is not written down is not found."""
    assert all(f"`{name}" in PAGE for name in (*OPS, *OPTIONS, *SHIPPED))


def test_options_on_the_page_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is shown can be typed."""
    for command in (["verify", "client"], ["serve"], ["replay"], ["report"], ["explain"]):
        with pytest.raises(SystemExit):
            main([*command, "--help"])
    known = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    named = {
        each for each in re.findall(r"--[a-z][a-z-]+", PAGE) if not each.startswith("--getimg")
    }
    assert {"--case-seconds", "--program", "--scenario"} <= named
    assert named <= known
