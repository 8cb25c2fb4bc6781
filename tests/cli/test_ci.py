"""What a verification shows on the pages of a CI service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from getimg_mock.cli import main
from getimg_mock.cli.ci import detect_service, publish
from getimg_mock.errors import SettingsError
from getimg_mock.reports.run_events import Outcome
from tests.reports.bare_run import START

if TYPE_CHECKING:
    from pathlib import Path

READS = ("verify", "api", "--tier", "R0")
"""What these tests are about does not depend on how many plans are run."""


@pytest.mark.parametrize(
    ("environment", "service"),
    [
        ({"GITHUB_ACTIONS": "true", "CI": "true"}, "github"),
        ({"GITLAB_CI": "true", "CI": "true"}, "gitlab"),
        ({"CI": "true"}, "none"),
        ({"GITHUB_ACTIONS": ""}, "none"),
    ],
)
def test_a_service_is_found_by_its_variable(environment: dict[str, str], service: str) -> None:
    """Nothing need be configured."""
    assert detect_service(environment) == service


def test_github_is_given_annotations_and_a_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The summary of a step is added to what other commands of the step wrote."""
    summary, known = tmp_path / "summary.md", tmp_path / "known"
    summary.write_text("before\n", encoding="utf-8")
    known.write_text("GP801  nothing is wrong\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main([*READS, "--only", "GP801", "--known-failures", str(known)]) == 1
    assert capsys.readouterr().err.startswith("::error title=GP801 ")
    assert summary.read_text(encoding="utf-8").startswith("before\n## Provider contract")
    assert main([*READS, "--only", "GP801", "--ci", "none"]) == 0
    assert capsys.readouterr().err == ""


def test_gitlab_is_given_a_code_quality_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the folder of the project, from where the job keeps it."""
    monkeypatch.setenv("CI_PROJECT_DIR", str(tmp_path))
    publish([Outcome((START,))], "gitlab")
    written = tmp_path.joinpath("gl-code-quality-report.json").read_text(encoding="utf-8")
    assert json.loads(written) == []


def test_a_summary_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a wrong environment, not a fault of the service under test."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    with pytest.raises(SettingsError, match="cannot be written"):
        publish([Outcome((START,))], "github")


def test_a_report_on_standard_output_is_alone_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program reads it; a path without an ending has the same format."""
    path, known = tmp_path / "report", tmp_path / "known"
    words = ["--report", "-", "--report", str(path), "--format", "json"]
    more = ["--write-known-failures", str(known)]
    assert main([*READS, "--only", "GP801", *words, *more]) == 0
    shown = capsys.readouterr().out
    assert json.loads(shown)["runs"][0]["ok"]
    assert path.read_text(encoding="utf-8") == shown
    assert known.read_text(encoding="utf-8").startswith("#")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--report", "-"], "--report - needs --format: json, xml, sarif, md, html, txt, ndjson."),
        (["--report", "report"], "Unknown kind of report 'report'."),
        (["--write-known-failures", "/"], "/ is a folder"),
    ],
)
def test_outputs_are_refused_before_a_run(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that costs money does not end with an error about a file."""
    assert main(["verify", "api", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_badge_is_drawn_from_recorded_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes the place of the printed runs."""
    events, badge = tmp_path / "events.ndjson", tmp_path / "badge.svg"
    assert main([*READS, "--only", "GP801", "--events", str(events)]) == 0
    capsys.readouterr()
    assert main(["report", str(events), "--badge", str(badge)]) == 0
    assert capsys.readouterr().out == ""
    assert ">1 of 1 passed</text>" in badge.read_text(encoding="utf-8")
