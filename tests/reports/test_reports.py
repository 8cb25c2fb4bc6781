"""Every report is a function of the event stream, and says the same."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft4Validator, Draft202012Validator  # type: ignore[import-untyped]

from getimg_mock import schemas
from getimg_mock.contract.clients import scorecard
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import choose_checks as clients_chosen
from getimg_mock.contract.clients.suite import verify
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.steps import Alteration
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdict_events import ALTERATION_WORDS, build_verdict_event
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, select_checks
from getimg_mock.contract.verification.session import (
    VerificationSession,
)
from getimg_mock.control.package_version import find_version
from getimg_mock.errors import SettingsError
from getimg_mock.reports import console, documents, matrix, replays, run_events, tables
from getimg_mock.reports.run_events import render_ndjson
from tests.contract.clients.reference import ReferenceClient, faulty
from tests.contract.provider.everyone import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKS = select_checks("GP407,GP401,GP115,GP801", PROVIDER_CHECKS)
SECRET = "sk_contract_alpha_7f3a9c"


@cache
def stream() -> str:
    """Return the event stream of a run that fails GP407."""
    target = InProcessTarget(wrap=BY_NAME["any-signature"].wrap)
    plans = [
        plan
        for plan in build_corpus(target.models)
        if plan.name in {"an image and its file", "the catalogue"}
    ]
    return "".join(
        render_ndjson(VerificationSession(target=target, plans=plans, checks=CHECKS).run())
    )


def outcomes() -> list[run_events.Outcome]:
    """Return that run as reports read it."""
    return run_events.read_outcomes(run_events.parse_events(stream()))


@cache
def client_stream() -> str:
    """Return the event stream of two clients, of which the first pays twice."""
    lines = []
    for name, client in (("pays-twice", faulty("reposts-reset")), ("good", ReferenceClient)):
        result = verify(PythonDriver(client, name), checks=clients_chosen(["GC401", "GC101"]))
        lines += list(render_ndjson(scorecard.events(result, adapter=f"own.{name}:make")))
    return "".join(lines)


def clients() -> list[run_events.Outcome]:
    """Return the runs of the two clients as reports read them."""
    return run_events.read_outcomes(
        run_events.parse_events(client_stream()), source="clients.ndjson"
    )


@pytest.mark.parametrize("text", [stream, client_stream], ids=["provider", "client"])
def test_every_event_is_as_the_published_schema_says(text: Callable[[], str]) -> None:
    """The stream is an interface: its schema is published and kept."""
    validator = Draft202012Validator(schemas.schema("own/contract-events"))
    kinds = set()
    for line in text().split("\n"):
        if line:
            event = json.loads(line)
            kinds.add(event["event"])
            assert list(validator.iter_errors(event)) == []
    assert kinds >= {"start", "verdict", "end"}


def every_place(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the place of every value in an event."""
    yield place
    inner: dict[Any, Any] = {}
    if isinstance(value, (dict, list)):
        inner = value if isinstance(value, dict) else dict(enumerate(value))
    for name, each in inner.items():
        yield from every_place(each, (*place, name))


def test_the_schema_knows_every_field_of_every_event() -> None:
    """A field whose type nobody wrote down could be anything: each is refused as another type."""
    wrong = {"not": "expected"}
    loose = set()
    for event in run_events.parse_events(stream() + client_stream()):
        for place in every_place(event):
            if not place or ("plan" in place[1:] and place[-1] not in {"plan", "steps", "do"}):
                continue  # what a plan holds is read by plan_of
            copy = json.loads(json.dumps(event))
            inner = copy
            for name in place[:-1]:
                inner = inner[name]
            inner[place[-1]] = wrong if not isinstance(inner[place[-1]], dict) else 1
            if not schemas.violations("own/contract-events", copy):
                loose.add((event["event"], *(n for n in place if isinstance(n, str))))
    assert loose == set()


def block_of(outcome: run_events.Outcome, status: str = "FAIL") -> str:
    """Return the block of the first verdict with a status."""
    verdict = next(v for v in outcome.verdicts if v["status"] == status)
    failure = verdict["failures"][0]
    return console.render_failure(
        failure | {"verdict": verdict},
        replay=replays.build_replay_command(outcome, failure),
        script=replays.describe_script(outcome, failure),
    )


def test_the_console_shows_a_failure_in_six_parts_on_at_most_25_lines() -> None:
    """A failure block fits on a screen, and its parts are in their order."""
    for outcome in (
        run_events.read_outcomes(run_events.parse_events(stream()), source="events.ndjson")[0],
        clients()[0],
    ):
        text = block_of(outcome)
        assert len(text.splitlines()) <= 25
        assert max(map(len, text.splitlines())) <= 100
        parts = (
            "(MUST, blocker)",
            "#  time",
            "\n  expected",
            "\n  actual",
            "\n  why",
            "\n  replay    getimg-mock",
            "\n  script",
            "seed 0, contract ",
        )
        places = [text.find(part) for part in parts]
        assert -1 not in places
        assert places == sorted(places)
        assert "spent 0 USD" in text


def test_the_altered_link_and_the_money_are_not_cut_away() -> None:
    """What a failure is about can be seen: the signature's beginning, and what was paid."""
    text = block_of(outcomes()[0])
    rows = [line for line in text.splitlines() if "/downloa" in line or "<- " in line]
    assert any("-0.006" in row for row in rows)
    assert any("&sig=" in row and row.rstrip().endswith("<- 200") for row in rows)
    assert "^ the link with another sig" in text


def test_each_way_to_alter_a_link_has_its_words() -> None:
    """A failure can be about any of them, and its report says which."""
    assert set(ALTERATION_WORDS) == set(get_args(Alteration))


def test_a_client_that_pays_twice_is_told_so() -> None:
    """The money story: what was done to the first request, both charges, and how to mend it."""
    text = block_of(clients()[0])
    assert "^ work done, answer lost: reset" in text
    assert text.count("-0.04") == 2
    assert "0.04 USD charged twice (0.08)" in text
    flat = " ".join(text.split())
    assert "Do not send a POST again once its bytes are out." in flat
    assert "Whether getimg.ai de-duplicates is not known." in flat
    assert "getimg-mock replay clients.ndjson --check GC401" in text


def test_a_difference_shows_both_sides_of_the_pair() -> None:
    """Fake and other target stand one below the other, with the plan, and without keys."""
    plans = [
        plan
        for plan in build_corpus(InProcessTarget().models)
        if plan.name == "an image and its file"
    ]
    other = InProcessTarget(wrap=BY_NAME["any-signature"].wrap)
    compared = Comparison(
        fake=tuple(map(InProcessTarget().run, plans)), other=tuple(map(other.run, plans))
    )
    event = build_verdict_event(judge_check(registry.EQUIVALENCE[0], [compared]))
    shown = event["failures"][0]["exchanges"]
    assert [each["status"] for each in shown] == [403, 200]
    assert [each["label"] for each in shown] == [
        "the fake, plan 'an image and its file'",
        "the other, plan 'an image and its file'",
    ]
    assert SECRET not in json.dumps(event)
    assert not schemas.violations("own/contract-events", event)


def test_of_many_exchanges_the_first_and_the_last_are_shown() -> None:
    """A long history is cut in its middle: the wrong one is mostly the last."""
    one = {
        "at": "2026-09-01T12:00:30.000+00:00",
        "key": "a",
        "method": "GET",
        "effects": [],
        "path": f"/v2/models/{'x' * 200}",
        "status": 200,
        "delta": "",
        "label": "",
    }
    lines = tables.render_table([one | {"number": number} for number in range(1, 41)], most=9)
    assert len(lines) <= 10
    assert max(map(len, lines)) <= 100
    assert lines[1].split()[0] == "1"
    assert lines[-1].split()[0] == "40"
    assert any("more" in line for line in lines)


def test_every_form_of_report_names_client_check_fix_and_replay() -> None:
    """Two clients side by side, in each form."""
    for render in (documents.as_junit, documents.as_sarif, documents.as_markdown, matrix.as_html):
        text = " ".join(render(clients()).split())
        assert "GC401" in text
        assert "pays-twice" in text
        assert "Do not send a POST again" in text
        assert "getimg-mock replay clients.ndjson --check GC401" in text
    assert 'name="getimg-mock verify client"' in documents.as_junit(clients())
    assert "own/pays-twice.py" in documents.as_sarif(clients())
    assert documents.as_markdown(clients()).startswith("## Client contract")


def test_the_matrix_of_clients_has_a_row_for_each_check_and_a_column_for_each_client() -> None:
    """Sections, rows, columns, the scorecard and what was seen: all of it is there."""
    page = matrix.as_html(clients())
    assert "<title>Client contract</title>" in page
    assert page.count('<th class="verdict">pays-twice</th>') == 2
    assert page.count('<th class="verdict">good</th>') == 2
    for name in ("GC101", "GC401"):
        assert page.count(f'<tr id="{name}">') == 1
    assert "Retries and money<small>GC4xx</small>" in page
    assert 'href="#GC401"' in page
    assert "<b>1/2</b>" in page
    assert "<b>2/2</b>" in page
    assert "1 blocker" in page
    assert page.count("<details") == 1


def test_runs_of_the_same_name_keep_a_column_each() -> None:
    """Two runs against one target are two columns, numbered."""
    assert run_events.label_outcomes(outcomes() + outcomes()) == ["fake (1)", "fake (2)"]
    page = matrix.as_html(outcomes() + outcomes())
    assert page.count('<th class="verdict">fake (2)</th>') == 3  # one for each topic


def test_what_fails_nothing_is_told_on_one_line_each() -> None:
    """Findings that only inform, and notes, are on the console, in Markdown and in HTML."""
    (run,) = outcomes()
    informed = next(v for v in run.verdicts if v["id"] == "GP401")
    informed |= {
        "status": "INFO",
        "failures": [
            {
                "id": "GP401",
                "plan": {},
                "plan_name": "p",
                "expected": "this",
                "actual": "that",
                "exchanges": [],
                "seed": 0,
                "contract": "1",
            }
        ],
    }
    next(v for v in run.verdicts if v["id"] == "GP115")["notes"] = ["a field", "a field", "more"]
    lines = console.render_console(run).splitlines()
    assert "INFO  GP401  expected this, actual that" in lines
    assert "note  GP115  a field; more" in lines
    for text in (documents.as_markdown([run]), matrix.as_html([run])):
        assert "expected this, actual that" in text
        assert "a field; more" in text


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
    assert "&lt;/td&gt;&lt;script&gt;" in matrix.as_html(run)
    assert "<script" not in matrix.as_html(run)
    assert "<script" not in documents.as_markdown(run)
    ET.fromstring(documents.as_junit(run))  # noqa: S314 - our own document
    assert "\x00" not in console.render_console(run[0])


def spoil_texts(value: Any, hostile: str, name: str = "") -> Any:
    """Return an event in which each free text ends in hostile characters."""
    if isinstance(value, dict):
        return {name: spoil_texts(each, hostile, name) for name, each in value.items()}
    if isinstance(value, list):
        return [spoil_texts(each, hostile, name) for each in value]
    fixed = {"event", "id", "status", "severity", "level", "kind", "at", "ceiling", "spent"}
    return value + hostile if isinstance(value, str) and name not in fixed else value


@pytest.mark.parametrize("text", [stream, client_stream], ids=["provider", "client"])
def test_no_report_to_read_holds_control_characters(text: Callable[[], str]) -> None:
    """A terminal or a browser obeys them: ESC recolours, moves the cursor, or sets a title."""
    hostile = "\x1b[31m\x1b]0;t\x07\x00\x9b2J\u202e\x7f"
    events = [spoil_texts(each, hostile) for each in run_events.parse_events(text())]
    run = run_events.read_outcomes(events, source="events.ndjson")
    pages = [documents.as_markdown(run), matrix.as_html(run), *map(console.render_console, run)]
    for page in pages:
        assert [each for each in page if each not in "\n\r\t" and not each.isprintable()] == []
        assert "[31m" in page


@pytest.mark.parametrize("text", [stream, client_stream], ids=["provider", "client"])
@pytest.mark.parametrize(
    "hostile", ["\x1b[31m\x00\x9b\u202e\x7f", "\ud800", "]]>&<\ufffe", "\u2028\x85"]
)
def test_reports_to_parse_stay_valid(text: Callable[[], str], hostile: str) -> None:
    """XML has no form for control characters, and UTF-8 none for half a character."""
    events = [spoil_texts(each, hostile) for each in run_events.parse_events(text())]
    run = run_events.read_outcomes(events, source="events.ndjson")
    ET.fromstring(documents.as_junit(run).encode())  # noqa: S314 - written here
    for written in (documents.as_json(run), documents.as_sarif(run)):
        json.loads(written.encode())
        assert all(each.isprintable() or each == "\n" for each in written)
    assert documents.as_markdown(run).encode()
    assert matrix.as_html(run).encode()


def test_no_report_holds_a_key() -> None:
    """Reports are shared: keys are named, never shown."""
    assert SECRET not in stream()
    for render in (
        documents.as_json,
        documents.as_junit,
        documents.as_sarif,
        documents.as_markdown,
        matrix.as_html,
    ):
        assert SECRET not in render(outcomes())


def test_a_line_that_is_no_event_is_named() -> None:
    """Whoever gives a wrong file is told which line is wrong."""
    skip = '{"event":"skip","plan":"p","reason":"r"}\n'
    assert run_events.parse_events(skip + "\n")
    with pytest.raises(SettingsError, match="line 2 is not JSON"):
        run_events.parse_events(skip + "nonsense\n")
    with pytest.raises(SettingsError, match="line 2 is not an event of a run"):
        run_events.parse_events(skip + '{"event":"verdict","id":"GP407"}\n')


@pytest.mark.parametrize("text", ["\u2028", "\x85", "\ud800", "\x1c", "\x9b", "\U000e0001"])
def test_an_event_is_one_line_whatever_is_in_it(text: str) -> None:
    """What an answer holds neither splits a line nor keeps it from being written."""
    event = {"event": "skip", "plan": f"a{text}b", "reason": ""}
    line = "".join(render_ndjson([event]))
    assert line[:-1].isprintable()
    assert line.encode().decode() == line
    assert run_events.parse_events(line * 2) == [event, event]


def test_a_path_is_shown_as_a_shell_takes_it() -> None:
    """The command that is printed can be typed."""
    assert replays.quote_path("events.ndjson") == "events.ndjson"
    assert replays.quote_path("my events.ndjson") == "'my events.ndjson'"
    assert replays.quote_path(str(Path.home() / "state" / "e.ndjson")) == "~/state/e.ndjson"


SARIF: Any = json.loads(Path(__file__).with_name("sarif-2.1.0.json").read_text(encoding="utf-8"))


def test_sarif_is_what_the_standard_and_code_hosts_accept() -> None:
    """GitHub refuses a result without a physical location, and two runs of one category."""
    document = json.loads(documents.as_sarif([*outcomes(), *clients(), *clients()]))
    assert [each.message for each in Draft4Validator(SARIF).iter_errors(document)] == []
    results = [each for run in document["runs"] for each in run["results"]]
    assert {each["ruleId"] for each in results} == {"GP407", "GC401"}
    for each in results:
        place = each["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert place["region"]["startLine"] >= 1
    for run in document["runs"]:
        assert run["tool"]["driver"]["version"] == find_version()
        assert run["tool"]["driver"]["informationUri"].startswith("https://")
    categories = [run["automationDetails"]["id"] for run in document["runs"]]
    assert len(set(categories)) == len(categories)
