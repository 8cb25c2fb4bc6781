"""The formats of reports: each by the ending of its file."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock.cli import main
from getimg_mock.errors import MissingPackageError, SettingsError, UnknownNameError
from getimg_mock.reports.formats import (
    FORMATS,
    find_format,
    list_usable_formats,
    read_events,
    require_reports,
    write_report,
)
from getimg_mock.reports.run_events import read_outcomes
from tests.reports.bare_run import END, START

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_no_report(tmp_path: Path) -> None:
    """Nor is a file of an unknown ending."""
    (tmp_path / "r.html").mkdir()
    with pytest.raises(SettingsError, match="is a folder"):
        require_reports([tmp_path / "r.html"])
    with pytest.raises(UnknownNameError, match="kind of report"):
        require_reports([tmp_path / "r.htm"])


def test_the_dot_of_an_ending_may_be_left_out() -> None:
    """`render("html")` reads better than `render(".html")`."""
    assert find_format("html") is find_format(".html") is FORMATS[".html"]


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_renders_a_run_without_verdicts(ending: str, tmp_path: Path) -> None:
    """A run that was broken off can still be reported."""
    path = tmp_path / f"report{ending}"
    write_report(path, read_outcomes([START]))
    assert path.read_text(encoding="utf-8")


def test_a_stream_that_is_written_is_read_again(tmp_path: Path) -> None:
    """The event stream is a report like any other, and loses nothing."""
    path = tmp_path / "e.ndjson"
    write_report(path, read_outcomes([START, END]))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [START, END]
    assert [each.events for each in read_events(path)] == [(START, END)]


def test_a_format_whose_package_is_missing_is_refused_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence names the extra to install, and nothing has been sent by then."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    needed = r"^HTML reports need Jinja2: pip install 'getimg-mock\[verify\]'\.$"
    with pytest.raises(MissingPackageError, match=needed):
        require_reports([tmp_path / "r.html"])
    with pytest.raises(MissingPackageError, match=needed):
        write_report(tmp_path / "r.html", read_outcomes([START, END]))
    assert not (tmp_path / "r.html").exists()
    require_reports([tmp_path / "r.md"])


def test_formats_whose_package_is_missing_are_left_out_of_self_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run without Jinja2 checks the other reports for keys."""
    assert list_usable_formats() == list(FORMATS.values())
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert [each.ending for each in FORMATS.values() if each not in list_usable_formats()] == [
        ".html"
    ]


@pytest.mark.parametrize("command", [["api", "--target", "http://127.0.0.1:9"], ["client", "x:y"]])
def test_the_command_line_refuses_it_too(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The address that nothing listens at, and the client that does not exist, are never tried."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    status = main(["verify", *command, "--report", str(tmp_path / "r.html")])
    assert status == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "HTML reports need Jinja2" in line
