"""Programs in other languages, driven by JSON lines."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock._shipped import open_folder
from getimg_mock.cli import main
from getimg_mock.contract.clients.cases.case_rules import Case, ClientCall
from getimg_mock.contract.clients.drivers import process_driver
from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.suite import choose_checks, verify
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMMANDS: dict[str, Sequence[str]] = {
    "node": ("node", "driver.mjs"),
    "bash": ("bash", "driver.sh"),
    "python": (sys.executable, "driver.py"),
}

_PYTHON = ("drivers", "driver.py")
CHECKS = ["GC103", "GC204", "GC401", "GC402", "GC404", "GC410"]
# One of each kind: every request of theirs takes real time.
CASES = [
    "happy",
    "unknown-status-image",
    "unknown-status-accepted",
    "lost-reset-image",
    "lost-close-image",
    "lost-truncated-image",
    "refusal-402",
]


@pytest.mark.parametrize("language", COMMANDS)
def test_a_program_is_judged_through_json_lines(language: str) -> None:
    """Any language can be judged: formation, what it hands back, and money after a lost answer."""
    program, script = COMMANDS[language]
    if shutil.which(program) is None or (language == "bash" and shutil.which("curl") is None):
        pytest.skip(f"there is no {program} here")
    driver = ProcessDriver([program, str(open_folder("fixtures").joinpath("drivers", script))])
    try:
        result = verify(driver, checks=choose_checks(CHECKS), among=CASES)
    finally:
        driver.close()
    assert [each.check.id for each in result.of("PASS")] == CHECKS


@pytest.mark.slow
@pytest.mark.parametrize("language", ["node", "python"])
def test_the_drivers_to_begin_with_break_no_blocker(language: str) -> None:
    """What is copied must not lose money, files or secrets; the slow cases are run by hand."""
    program, script = COMMANDS[language]
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program} here")
    driver = ProcessDriver([program, str(open_folder("fixtures").joinpath("drivers", script))])
    checks = ["GC105", "GC603", "GC608"]
    try:
        result = verify(driver, checks=choose_checks(checks))
    finally:
        driver.close()
    assert [each.check.id for each in result.of("PASS")] == checks


@pytest.mark.slow
def test_another_port_is_another_origin_for_a_program() -> None:
    """Keys, bodies and files that go astray are seen without any network in our hands."""
    checks = ["GC505", "GC610", "GC701", "GC704"]
    cases = ["late-404-real", "moved-elsewhere", "redirected", "redirected-post"]
    driver = ProcessDriver([sys.executable, str(open_folder("fixtures").joinpath(*_PYTHON))])
    following = ProcessDriver([sys.executable, "-c", _following()])
    try:
        result = verify(driver, checks=choose_checks(checks), among=cases)
        assert [each.check.id for each in result.of("PASS")] == checks
        result = verify(following, checks=choose_checks(checks[1:]), among=cases)
        assert result.failed == {"GC610", "GC701"}
    finally:
        driver.close()
        following.close()


def _following() -> str:
    """Return the driver in Python with urllib's own way: redirects are followed, key and all."""
    text = open_folder("fixtures").joinpath(*_PYTHON).read_text(encoding="utf-8")
    assert "build_opener(Straight)" in text
    return text.replace("build_opener(Straight)", "build_opener()")


def test_what_cannot_be_tried_with_a_program_says_what_it_would_need() -> None:
    """A SKIP of ours is not put down to the client."""
    driver = ProcessDriver([sys.executable, str(open_folder("fixtures").joinpath(*_PYTHON))])
    try:
        result = verify(
            driver,
            checks=choose_checks(["GC506", "GC510", "GC606", "GC702", "GC810"]),
            among=["cancelled", "clock-back", "large", "downgraded", "threads"],
        )
    finally:
        driver.close()
    assert [each.reason.partition(": needs ")[2] for each in result.of("SKIP")] == [
        "a way to interrupt it",
        "a simulated wall clock",
        "a measurement of its memory",
        "simulated TLS",
        "a driver that makes calls at the same time",
    ]
    assert all("cannot be tried with a program" in each.reason for each in result.of("SKIP"))


def test_a_program_that_is_no_driver_is_told_so() -> None:
    """A wrong command is an error of the caller's, not a verdict on a client."""
    with pytest.raises(SettingsError, match=r"'hello'.* not JSON.*log to standard error"):
        ProcessDriver([sys.executable, "-ISc", "print('hello', flush=True); input()"])


@pytest.mark.parametrize("program", ["", "input()"], ids=["at once", "when asked"])
def test_a_program_that_ends_is_told_so(program: str) -> None:
    """A program that crashes is no client, whether it has read its request or not."""
    with pytest.raises(SettingsError, match=r"ended|does not read"):
        ProcessDriver([sys.executable, "-ISc", program])


def test_a_program_that_says_nothing_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence at the start is no client that can do everything: nothing is judged."""
    monkeypatch.setattr(process_driver, "_START_SECONDS", 0.0)
    monkeypatch.setattr(process_driver, "_GRACE", 0.2)
    with pytest.raises(SettingsError, match="did not answer"):
        ProcessDriver([sys.executable, "-ISc", "input(); input()"])


FORGETFUL = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    with open(sys.argv[1], "a") as file:
        file.write(asked["op"] + "\\n")
    if asked["op"] == "describe":
        value = {"ops": ["balance", "models"]}
        print(json.dumps({"case": "describe", "outcome": "value", "value": value}), flush=True)
"""


def test_the_start_of_a_program_does_not_use_up_the_time_of_a_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a call that never ended, the program is started anew and asked whether it is there.

    A slow start, of Java or on a busy machine, was taken for a second call that never ended.
    """
    monkeypatch.setattr(process_driver, "_GRACE", 0.1)
    seen = tmp_path / "seen"
    driver = ProcessDriver([sys.executable, "-ISc", FORGETFUL, str(seen)])
    calls = (ClientCall(op="balance"), ClientCall(op="models"))
    try:
        history = driver.run(Case(name="twice", calls=calls, patience=0.1))
    finally:
        driver.close()
    assert [each.kind for each in history.outcomes] == ["abandoned", "abandoned"]
    assert seen.read_text().split() == ["describe", "balance", "describe", "models"]
    assert history.missed == ()


def test_a_program_that_gets_no_processor_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, a good client does not respond in time: that is no failure of it."""
    lack = itertools.count(0, 10)
    monkeypatch.setattr(process_driver, "_GRACE", 0.1)
    monkeypatch.setattr(process_driver, "measure_processor_wait", lambda _: float(next(lack)))
    driver = ProcessDriver([sys.executable, "-ISc", FORGETFUL, os.devnull])
    try:
        history = driver.run(Case(name="once", calls=(ClientCall(op="balance"),), patience=0.1))
    finally:
        driver.close()
    assert [each.kind for each in history.outcomes] == ["abandoned"]
    assert history.missed == ("a processor for the program, on this busy machine",)


def test_a_program_that_does_not_start_again_shows_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The case is void: nothing was seen of the client."""
    monkeypatch.setattr(process_driver, "_GRACE", 0.1)
    driver = ProcessDriver([sys.executable, "-ISc", FORGETFUL, os.devnull])
    monkeypatch.setattr(process_driver, "_START_SECONDS", 0.0)
    driver.command = [sys.executable, "-ISc", "input(); input()"]
    calls = (ClientCall(op="balance"), ClientCall(op="models"))
    try:
        history = driver.run(Case(name="twice", calls=calls, patience=0.1))
    finally:
        driver.close()
    assert history.missed == ("a start of the program within 0 s",)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"ops": 5}, 'says ops: 5. Write a list of names, as in ."generate_image'),
        ({"ops": ["balance", 7]}, "Write a list of names"),
        ({"ops": ["generate_imag"]}, "Did you mean 'generate_image'"),
        ({"options": ["time_out"]}, "Did you mean 'timeout'"),
        ({"lacking": "retries"}, 'as in ."retries"'),
    ],
)
def test_a_program_that_describes_what_cannot_be_is_told_so(value: object, told: str) -> None:
    """A slip in a name would be skipped without a word."""
    said = {"case": "describe", "outcome": "value", "value": value}
    program = f"input(); print({json.dumps(said)!r}, flush=True); input()"
    with pytest.raises(SettingsError, match=told):
        ProcessDriver([sys.executable, "-ISc", program])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--program", ""], "--program .node driver.mjs."),
        (["--program", "node 'driver.mjs"], "No closing quotation"),
        (["--program", "no-such-program-at-all"], "cannot be started.*on PATH"),
        (["httpx", "--random", "-3"], "--random -3.*1 or more"),
        (["httpx", "--random", "few"], "--random few.*1 or more"),
        ([], "Name a client.*official-sdk.*--program.*--observe"),
        (["--target", "http://127.0.0.1:9", "--budget", "0"], "Name a client"),
        (["httpx", "--case-seconds", "none"], "--case-seconds none"),
        (["htpx"], "Did you mean 'httpx'"),
    ],
)
def test_a_command_that_cannot_be_meant_is_told_in_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No trace of ours, status 2."""
    assert main(["verify", "client", *words]) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert re.search(told, shown)
