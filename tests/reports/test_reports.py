"""Every report is a function of the event stream, and says the same."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from getimg_mock.contract.campaign import Campaign, written
from getimg_mock.contract.checks import PROVIDER, chosen
from getimg_mock.contract.corpus import corpus
from getimg_mock.contract.targets import InProcess
from getimg_mock.errors import SettingsError
from getimg_mock.reports import console, documents, events, matrix
from getimg_mock.world import schemas
from tests.contract.everyone import BY_NAME

CHECKS = chosen("GP407,GP401,GP115,GP801", PROVIDER)
SECRET = "sk_contract_alpha_7f3a9c"


@cache
def stream() -> str:
    """Return the event stream of a run that fails GP407."""
    target = InProcess(wrap=BY_NAME["any-signature"].wrap)
    plans = [plan for plan in corpus(target.models) if plan.name in {"an image and its file",
                                                                     "the catalogue"}]  # fmt: skip
    return "".join(written(Campaign(target=target, plans=plans, checks=CHECKS).events()))


def outcomes() -> list[events.Outcome]:
    """Return that run as reports read it."""
    return events.read(events.parsed(stream()))


def test_every_event_is_as_the_published_schema_says() -> None:
    """The stream is an interface: its schema is published and kept."""
    validator = Draft202012Validator(schemas.schema("own/contract-events"))
    for event in events.parsed(stream()):
        assert list(validator.iter_errors(event)) == []


def test_the_console_shows_a_failure_in_at_most_25_lines() -> None:
    """A failure block fits on a screen and has its six parts."""
    failure = next(v for v in outcomes()[0].verdicts if v["status"] == "FAIL")
    text = console.block(failure["failures"][0] | {"verdict": failure})
    assert len(text.splitlines()) <= 25
    assert max(map(len, text.splitlines())) <= 100
    for part in ("GP407", "expected", "actual", "why", "replay", "seed"):
        assert part in text


def test_junit_counts_what_the_stream_counts() -> None:
    """One test case for each verdict, one failure for each FAIL."""
    suite = ET.fromstring(documents.as_junit(outcomes())).find("testsuite")  # noqa: S314 - ours
    assert suite is not None
    assert suite.get("tests") == str(len(CHECKS))
    assert suite.get("failures") == "1"
    assert len(suite.findall("testcase/failure")) == 1


def test_json_sarif_and_markdown_name_the_failure() -> None:
    """The same verdict in each form."""
    found: dict[str, Any] = json.loads(documents.as_json(outcomes()))
    assert [v["id"] for v in found["runs"][0]["verdicts"] if v["status"] == "FAIL"] == ["GP407"]
    sarif = json.loads(documents.as_sarif(outcomes()))
    assert [each["ruleId"] for each in sarif["runs"][0]["results"]] == ["GP407"]
    assert "GP407" in documents.as_markdown(outcomes())


def test_the_matrix_needs_nothing_from_outside() -> None:
    """The page opens offline: no address, no script, no picture of elsewhere."""
    page = matrix.as_html(outcomes())
    assert "<script" not in page
    assert "src=" not in page
    assert "@import" not in page
    assert "url(" not in page
    assert 'id="GP407"' in page


def test_what_a_provider_says_cannot_become_markup() -> None:
    """An answer is data in every report, whatever is in it."""
    hostile = "</td><script>alert(1)</script>|`\x00\ud800"
    run = outcomes()
    for verdict in run[0].verdicts:
        for failure in verdict["failures"]:
            failure["actual"] = hostile
    assert "<script" not in matrix.as_html(run)
    assert "<script" not in documents.as_markdown(run)
    ET.fromstring(documents.as_junit(run))  # noqa: S314 - our own document
    assert "\x00" not in console.rendered(run[0])


def test_no_report_holds_a_key() -> None:
    """Reports are shared: keys are named, never shown."""
    assert SECRET not in stream()
    for render in (documents.as_json, documents.as_junit, documents.as_sarif,
                   documents.as_markdown, matrix.as_html):  # fmt: skip
        assert SECRET not in render(outcomes())


def test_a_line_that_is_no_event_is_named() -> None:
    """Whoever gives a wrong file is told which line is wrong."""
    with pytest.raises(SettingsError, match="line 2"):
        events.parsed('{"event":"end"}\nnonsense\n')
