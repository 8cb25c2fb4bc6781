"""The table in each format: what is hostile in it harms none of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.drift.drift_reports import DRIFT_FORMATS, find_format, write_drift_report
from getimg_mock.drift.drift_rows import DriftReport, build_row, sort_rows
from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<img src=x> | `a` @user [b](javascript:1)\n\x1b[31m\u202e"
REPORT = DriftReport(
    tuple(
        sort_rows(
            [
                build_row(HOSTILE, "model x pricing", "price changed", "warning", before="1"),
                build_row(HOSTILE, HOSTILE, "added", "info", after=HOSTILE * 50),
                build_row(HOSTILE, "model x", "model gone", "breaking"),
            ]
        )
    ),
    ("sdk",),
    (HOSTILE,),
)


def test_every_row_is_in_every_format() -> None:
    """The gravest first, with its claim and what to do."""
    for ending, render in DRIFT_FORMATS.items():
        text = render(REPORT)
        assert "\x1b" not in text
        assert "\u202e" not in text
        for word in ("added", "which models there are, and each value of each"):
            assert word in text or ending == ".md"
        assert text.index("gone") < text.index("price")


def test_markdown_has_one_line_a_row_and_no_markup_of_others() -> None:
    """A table of an issue cannot be left, and nobody is notified."""
    lines = DRIFT_FORMATS[".md"](REPORT).splitlines()
    table = [each for each in lines if each.startswith("|")]
    assert len(table) == 2 + len(REPORT.rows)
    assert {each.count("|") for each in table} == {9}
    assert not any(mark in "".join(table) for mark in ("<img", "@user", "[b]"))


def test_sarif_has_what_code_hosts_require() -> None:
    """Rules for all results, a place for each, and levels that they know."""
    (run,) = json.loads(DRIFT_FORMATS[".sarif"](REPORT))["runs"]
    rules = {each["id"] for each in run["tool"]["driver"]["rules"]}
    assert {each["ruleId"] for each in run["results"]} == rules
    assert [each["level"] for each in run["results"]] == ["error", "warning", "note"]
    for each in run["results"]:
        place: Any = each["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] == 1


def test_counts_and_status_are_of_the_rows() -> None:
    """A table without a breaking row is status 0."""
    assert REPORT.counts == {"breaking": 1, "warning": 1, "info": 1}
    assert REPORT.status == 1
    assert DriftReport(REPORT.rows[1:], ()).status == 0


def test_a_format_is_found_by_ending_or_name(tmp_path: Path) -> None:
    """An unknown one names the known ones, a folder is no file."""
    assert find_format(tmp_path / "a.md", None) is DRIFT_FORMATS[".md"]
    assert find_format(tmp_path / "a", "json") is DRIFT_FORMATS[".json"]
    with pytest.raises(UnknownNameError, match="sarif"):
        find_format(tmp_path / "a.pdf", None)
    with pytest.raises(SettingsError, match="is a folder"):
        write_drift_report(tmp_path, REPORT, "json")
