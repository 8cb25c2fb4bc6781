"""Programs that answer what is no response, and that log what is secret."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock._shipped import open_folder
from getimg_mock.cli import main
from getimg_mock.contract.clients.cases.case_rules import KEY, Case, balance, models
from getimg_mock.contract.clients.drivers import process_driver
from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.drivers.program_protocol import parse_response
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.clients.scorecard import render_line
from getimg_mock.contract.clients.suite import choose_checks, verify
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from getimg_mock.contract.clients.suite import Result

pytestmark = pytest.mark.slow  # programs run in real time

_RESPOND = '    print(json.dumps({"case": asked["case"]} | said), flush=True)'
_REQUEST = "    request = urllib.request.Request(url, body, headers)"


def _change_driver(place: str, before: str) -> list[str]:
    """Return the command of the driver in Python with lines before one of its own."""
    text = open_folder("fixtures").joinpath("drivers", "driver.py").read_text(encoding="utf-8")
    assert text.count(place) == 1
    return [sys.executable, "-c", text.replace(place, f"{before}\n{place}")]


def _judge(command: list[str], checks: list[str], cases: list[str]) -> Result:
    driver = ProcessDriver(command)
    try:
        return verify(driver, checks=choose_checks(checks), among=cases)
    finally:
        driver.close()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('said["error"] = {"unknown": "maybe"}', "own/driver-response.json (/error/unknown: "),
        ("print('connecting', flush=True)", "JSON on the program's standard output, not 'conn"),
        ("print('[]', flush=True)", "own/driver-response.json (/: "),
    ],
)
def test_a_wrong_response_costs_its_case_alone(wrong: str, told: str) -> None:
    """A client that hands on one odd value of a service is judged by all other cases."""
    program = _change_driver(_RESPOND, f"    if 'refusal' in asked['case']: {wrong}")
    result = _judge(program, ["GC103", "GC410"], ["refusal-402", "happy"])
    void = [each for each in result.histories if each.missed]
    assert [each.case for each in void] == ["refusal-402"]
    assert told in void[0].missed[0]
    assert {each.check.id: each.status for each in result.verdicts} == {
        "GC103": "PASS",
        "GC410": "VOID",
    }
    assert void[0].outcomes[0].kind == "abandoned"
    assert f"; not judged in refusal-402: needs {void[0].missed[0]}" in render_line(result)


def test_nothing_listens_where_a_case_says_so() -> None:
    """A port that no one listens on is not one whose connections are reset."""
    driver = ProcessDriver(_change_driver(_RESPOND, ""))
    rule = FaultRule(on="connect", do="absent", label="nothing listens", must=False)
    try:
        history = driver.run(Case(name="nobody", calls=(balance(), models()), rules=(rule,)))
    finally:
        driver.close()
    assert not history.requests
    assert [each.kind for each in history.outcomes] == ["error", "error"]
    assert all("efused" in each.text for each in history.outcomes)


def test_the_response_after_a_wrong_line_is_not_that_of_the_next_call() -> None:
    """The program begins anew: lines that it still writes belong to a call that is over."""
    stray = "    if asked['case'].endswith('#0'): print('one\\ntwo', flush=True)"
    driver = ProcessDriver(_change_driver(_RESPOND, stray))
    try:
        history = driver.run(Case(name="pair", calls=(balance(), models())))
    finally:
        driver.close()
    assert [each.kind for each in history.outcomes] == ["abandoned", "value"]
    assert len(history.missed) == 1


def test_a_program_whose_responses_are_all_wrong_ends_the_run(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """One sentence, not a list of checks that say nothing."""
    wrong = "    said['outcome'] = 'good' if asked['op'] != 'describe' else 'value'"
    command = shlex.join(_change_driver(_RESPOND, wrong))
    assert main(["verify", "client", "--program", command, "--only", "GC4"]) == 2
    shown = capfd.readouterr().err
    assert shown.count("\n") == 1
    assert "is not what own/driver-response.json describes: /outcome: " in shown


def test_a_describing_response_that_is_wrong_is_told_at_once() -> None:
    """Nothing of the program is known: there is no case that it could cost."""
    with pytest.raises(SettingsError, match=r"driver-response.json describes: /outcome"):
        ProcessDriver(_change_driver(_RESPOND, "    said['outcome'] = 'good'"))


def test_texts_of_an_error_that_are_no_texts_are_judged() -> None:
    """A client that hands on the wrong type of a code is judged by what it says."""
    error = {"type": None, "code": 42, "message": {"a": [1]}, "request_id": None}
    said = {"case": "odd#0", "outcome": "error", "error": error}
    assert parse_response(json.dumps(said).encode())["error"] == {
        "code": "42",
        "message": '{"a": [1]}',
        "request_id": None,
    }


@pytest.mark.parametrize(
    ("logged", "found"),
    [
        ("headers", {"GC703": "FAIL", "GC708": "PASS"}),
        (
            "f\"curl -H 'Authorization: {headers.get('Authorization')}' {url[:60]}\"",
            {"GC703": "FAIL"},
        ),
        ("url", {"GC703": "PASS", "GC708": "FAIL"}),
        ("url.partition('?')[0]", {"GC703": "PASS", "GC708": "PASS"}),
    ],
)
def test_what_a_program_logs_is_read_for_secrets(
    logged: str, found: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard error is the log of a program: kept by whoever runs it. It is shown as before."""
    program = _change_driver(_REQUEST, f"    print({logged}, file=sys.stderr)")
    result = _judge(program, ["GC703", "GC708"], ["logged", "saved"])
    assert {each.check.id: each.status for each in result.verdicts} | found == {
        each.check.id: each.status for each in result.verdicts
    }
    assert capfd.readouterr().err.count("\n") >= 5


def test_a_log_is_that_of_its_case() -> None:
    """What was written at the start, and in an earlier case, is not put down to a later one."""
    program = _change_driver(_RESPOND, "    print(asked['case'], 'x' * 100_000, file=sys.stderr)")
    driver = ProcessDriver(program)
    try:
        logs = [
            driver.run(Case(name=name, calls=(balance(), models()))).logs for name in ("a", "b")
        ]
    finally:
        driver.close()
    for name, log in zip("ab", logs, strict=True):
        lines = log.splitlines()
        assert [each.split()[0] for each in lines] == [f"{name}#0", f"{name}#1"]
        assert {len(each.split()[1]) for each in lines} == {100_000}
        assert KEY not in log


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "headers['Authorization'] = 'Bearer ' + os.getenv('GETIMG_API_KEY', asked['key'])",
            "FAIL",
        ),
        ("url = url.replace(asked['base_url'], os.environ['GETIMG_AI_BASE_URL'])", "FAIL"),
        ("pass", "PASS"),
    ],
)
def test_what_a_program_is_given_outranks_its_environment(line: str, found: str) -> None:
    """A program that takes its key from there has another workspace pay."""
    program = _change_driver(_REQUEST, f"    import os; {line}")
    result = _judge(program, ["GC109"], ["environment-other"])
    assert [each.status for each in result.verdicts] == [found]


def test_a_program_that_quotes_a_broken_answer_tells_its_link() -> None:
    """What the caller logs of an error opens the picture, without a key."""
    place = "    return value\n\n\ndef fetched("
    quoting = "    if status and 'model' not in value: raise ValueError(f'no model in {value}')"
    for line, found in ((quoting, "FAIL"), (quoting.replace("{value}", "it"), "PASS")):
        result = _judge(_change_driver(place, line), ["GC708"], ["missing-image"])
        assert [each.status for each in result.verdicts] == [found]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("missed = missed + (video['status'] == 'unknown')", "PASS"),
        ("if video['status'] == 'unknown': raise OSError(f'video {made}: 503')", "PASS"),
        (
            "if video['status'] == 'unknown': raise RuntimeError(f'video {made} failed: 503')",
            "FAIL",
        ),
        ("if video['status'] == 'unknown': return {'id': made, 'status': 'failed'}", "FAIL"),
    ],
)
def test_a_program_does_not_take_an_outage_for_a_failure(line: str, found: str) -> None:
    """A caller who believes that orders the video again, and pays for both.

    A type of its own tells the two apart, whatever the words.
    """
    begun = "    until = time.monotonic() + asked"
    place = '        if video["status"] == "completed":'
    program = _change_driver(place, f"        {line}")
    program[-1] = program[-1].replace(begun, f"    missed = 0\n{begun}")
    result = _judge(program, ["GC504"], ["outage-real"])
    assert [each.status for each in result.verdicts] == [found]


def test_a_program_that_looks_beside_its_base_url_is_found() -> None:
    """The video is paid, and what a gateway answers at its root is not about it."""
    place = "    request = urllib.request.Request(url, body, headers)"
    line = "    from urllib.parse import urljoin, urlsplit"
    more = "    if '/v2/videos/generations/' in url: url = urljoin(url, url[url.index('/v2/') :])"
    result = _judge(_change_driver(place, f"{line}\n{more}"), ["GC109"], ["prefix"])
    assert [each.status for each in result.verdicts] == ["FAIL"]


def test_a_program_that_goes_on_without_input_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that nobody ends keeps a worker from being stopped, or a job from being done."""
    monkeypatch.setattr(process_driver, "_END_SECONDS", 0.5)
    line = "import threading; threading.Thread(target=threading.Event().wait).start()"
    program = _change_driver("for line in sys.stdin:", line)
    result = _judge(program, ["GC809"], ["ended-real"])
    assert [each.status for each in result.verdicts] == ["FAIL"]
