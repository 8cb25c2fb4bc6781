"""What a driver may be able to do besides calls: cancel them, make several, advance its clocks."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock._shipped import open_folder
from getimg_mock.contract.clients.cases.case_rules import Case, balance, models
from getimg_mock.contract.clients.drivers.process_driver import ProcessDriver
from getimg_mock.contract.clients.suite import choose_checks, verify
from getimg_mock.errors import SettingsError
from tests.contract.clients_by_others.registry import CLIENTS
from tests.contract.clients_by_others.run import find_command

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.slow  # programs run in real time

_CASES = {
    "GC308": "after-outage-real",
    "GC421": "withdrawn-real-image",
    "GC506": "cancelled-real",
    "GC602": "cut-withdrawn-real",
    "GC420": "many-mixed-image",
    "GC812": "beside-retry",
}
"""The case of each check that a driver is asked more in."""

_ABLE = """
import json, sys
kept = []
for line in sys.stdin:
    asked = json.loads(line)
    said = {"case": asked["case"], "outcome": "value", "value": asked["op"]}
    if asked["op"] == "describe":
        said["value"] = {"ops": ["balance", "models"], "abilities": ["cancel", "together"]}
    elif asked["op"] == "cancel":
        said |= {"outcome": "cancelled", "error": {"type": "Cancelled", "message": "as asked"}}
    elif "held" in asked["case"]:
        continue
    elif "together" in asked["case"]:
        kept.insert(0, said)
        if len(kept) < 2:
            continue
    for each in kept or [said]:
        print(json.dumps(each), flush=True)
"""


def _judge(command: Sequence[str], *checks: str) -> dict[str, str]:
    driver = ProcessDriver(command)
    try:
        among = [_CASES[each] for each in checks]
        result = verify(driver, checks=choose_checks(checks), among=among)
    finally:
        driver.close()
    return {each.check.id: each.status for each in result.verdicts}


def _find_client(name: str) -> list[str]:
    from tests.contract.clients_by_others import catalogue  # noqa: PLC0415 - lists all clients

    assert catalogue.CLIENTS is CLIENTS
    return find_command(CLIENTS[name])


@pytest.mark.parametrize("name", ["Trio", "Aiohttp", "Requests"])
def test_good_clients_of_each_kind_pass(name: str) -> None:
    """Tasks of trio and of asyncio are cancelled, and a thread that blocks by a signal."""
    found = _judge(_find_client(name), *_CASES)
    assert {check for check, status in found.items() if status != "PASS"} <= {"GC812"}
    assert found["GC812"] == ("SKIP" if name == "Requests" else "PASS")


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("ShieldsTrioWait", "GC506"),
        ("BacksOffBlockingLoop", "GC812"),
        ("BreakerNeverHalfOpens", "GC308"),
    ],
)
def test_what_only_a_further_ability_shows_is_found(name: str, check: str) -> None:
    """Programs have faults of the kinds that adapters have."""
    assert _judge(_find_client(name), check) == {check: "FAIL"}


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node")
def test_the_driver_in_node_cancels_and_shares_its_loop() -> None:
    """What is copied shows how."""
    script = open_folder("fixtures").joinpath("drivers", "driver.mjs")
    checks = ("GC421", "GC506", "GC602", "GC812")
    assert _judge(["node", str(script)], *checks) == dict.fromkeys(checks, "PASS")


def test_a_driver_that_says_nothing_of_it_is_not_asked_to_cancel() -> None:
    """It is not judged, and the reason says what it would take."""
    script = open_folder("fixtures").joinpath("drivers", "driver.py")
    driver = ProcessDriver([sys.executable, str(script)])
    try:
        result = verify(driver, checks=choose_checks(["GC506"]), among=["cancelled-real"])
    finally:
        driver.close()
    assert [(each.status, each.reason) for each in result.verdicts] == [
        ("SKIP", "cannot be tried with a program: needs a driver that can cancel a call")
    ]


def test_a_call_is_cancelled_and_responses_have_any_order() -> None:
    """The line that cancels has no response of its own; a response names its call."""
    driver = ProcessDriver([sys.executable, "-ISc", _ABLE])
    calls = (balance(), models())
    try:
        held = driver.run(Case(name="held", calls=calls[:1] * 2, interrupt_after=0.1, patience=1))
        both = driver.run(Case(name="together", calls=calls, together=True))
    finally:
        driver.close()
    assert held.outcomes[0].kind == "interrupted"
    assert held.outcomes[0].text == "as asked"
    assert [each.value for each in both.outcomes] == ["balance", "models"]


def test_an_ability_that_there_is_not_is_told() -> None:
    """A slip in a name would be skipped without a word."""
    said = {"case": "describe", "outcome": "value", "value": {"abilities": ["cancle"]}}
    program = f"input(); print({json.dumps(said)!r}, flush=True); input()"
    with pytest.raises(SettingsError, match="Did you mean 'cancel'"):
        ProcessDriver([sys.executable, "-ISc", program])
