"""Annotations of GitHub and the code quality of GitLab: form, escapes, and places."""

from __future__ import annotations

import json
import re

from getimg_mock.reports.annotations import render_github, render_gitlab
from getimg_mock.reports.run_events import Outcome
from tests.reports.bare_run import START
from tests.reports.test_reports import clients, outcomes

COMMAND = re.compile(r"::(error|warning) (?:file=[^,:]+,line=\d+,)?title=[^,:\r\n]+::[^\r\n]+\n")


def test_a_failure_of_a_client_is_an_error_at_its_adapter() -> None:
    """The file is that of the adapter; each command is one line."""
    shown = render_github(clients())
    assert "::error file=own/pays-twice.py,line=1,title=GC401 " in shown
    assert all(COMMAND.fullmatch(line) for line in shown.splitlines(keepends=True))


def test_a_failure_of_a_provider_has_no_file() -> None:
    """The code of a service is elsewhere."""
    assert render_github(outcomes()).startswith("::error title=GP407 ")


def test_text_from_outside_stays_in_its_annotation() -> None:
    """A service must not write commands of its own into the log."""
    verdict = {
        "event": "verdict",
        "id": "GP101",
        "status": "FAIL",
        "statement": "a, b: c",
        "failures": [{"expected": "x", "actual": "100%\n::set-env name=A::b", "exchanges": []}],
    }
    shown = render_github([Outcome((START, verdict))])
    assert shown.count("\n") == 1
    assert "title=GP101 a%2C b%3A c::" in shown
    assert "100%25" in shown


def test_code_quality_has_what_gitlab_asks_for() -> None:
    """Description, name, fingerprint, severity, path and line; unique fingerprints."""
    found = json.loads(render_gitlab([*outcomes(), *clients()]))
    assert {each["check_name"] for each in found} >= {"GP407", "GC401"}
    assert len({each["fingerprint"] for each in found}) == len(found)
    for each in found:
        assert each["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert each["location"]["lines"]["begin"] >= 1
        assert each["location"]["path"]
    assert json.loads(render_gitlab([])) == []
