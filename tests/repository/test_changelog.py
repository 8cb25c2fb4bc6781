"""CHANGELOG.md: its head is the version, in the form of Keep a Changelog."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.docs.install_ways import PUBLISHED

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = ROOT.joinpath("CHANGELOG.md").read_text(encoding="utf-8")
RELEASES: Final = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", TEXT, re.MULTILINE)
SECTIONS: Final = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_head_is_the_version() -> None:
    """Whoever installs a version finds what is new in it at the top."""
    project = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert RELEASES[0][0] == project["version"]


def test_releases_stand_newest_first_each_with_a_date_and_a_link() -> None:
    """Tools read order and dates; a link leads to a release, so there is none before the first."""
    for newer, older in pairwise(RELEASES):
        assert tuple(map(int, newer[0].split("."))) > tuple(map(int, older[0].split(".")))
        assert date.fromisoformat(newer[1]) >= date.fromisoformat(older[1])
    for version, _ in RELEASES:
        assert (f"\n[{version}]: https://" in TEXT) is PUBLISHED


def test_sections_have_the_names_of_keep_a_changelog() -> None:
    """Six words, so that a reader can look for what breaks."""
    headings = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    known = {f"[{version}] - {day}" for version, day in RELEASES} | {"[Unreleased]"}
    assert set(headings) <= known
    assert set(re.findall(r"^### (.*)$", TEXT, re.MULTILINE)) <= SECTIONS
