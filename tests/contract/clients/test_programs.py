"""Programs in other languages, driven by JSON lines."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock._shipped import shipped
from getimg_mock.contract.clients import processes
from getimg_mock.contract.clients.processes import ProcessDriver
from getimg_mock.contract.clients.suite import chosen, verify
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: dict[str, Sequence[str]] = {
    "node": ("node", "driver.mjs"),
    "bash": ("bash", "driver.sh"),
    "python": (sys.executable, "driver.py"),
}

CHECKS = ["GC103", "GC204", "GC401", "GC402", "GC404", "GC410"]
# One of each kind: every request of theirs takes real time.
CASES = [
    "happy", "unknown-status-image", "unknown-status-accepted", "lost-reset-image",
    "lost-close-image", "lost-truncated-image", "refusal-402",
]  # fmt: skip


@pytest.mark.parametrize("language", COMMANDS)
def test_a_program_is_judged_through_json_lines(language: str) -> None:
    """Any language can be judged: formation, what it hands back, and money after a lost answer."""
    program, script = COMMANDS[language]
    if shutil.which(program) is None or (language == "bash" and shutil.which("curl") is None):
        pytest.skip(f"there is no {program} here")
    driver = ProcessDriver([program, str(shipped("fixtures").joinpath("drivers", script))])
    try:
        result = verify(driver, checks=chosen(CHECKS), among=CASES)
    finally:
        driver.close()
    assert [each.check.id for each in result.of("PASS")] == CHECKS


def test_a_program_that_is_no_driver_is_told_so() -> None:
    """A wrong command is an error of the caller's, not a verdict on a client."""
    with pytest.raises(SettingsError, match="no JSON"):
        ProcessDriver([sys.executable, "-ISc", "print('hello', flush=True); input()"])


@pytest.mark.parametrize("program", ["", "input()"], ids=["at once", "when asked"])
def test_a_program_that_ends_is_told_so(program: str) -> None:
    """A program that crashes is no client, whether it has read its request or not."""
    with pytest.raises(SettingsError, match=r"ended|does not read"):
        ProcessDriver([sys.executable, "-ISc", program])


def test_a_program_that_says_nothing_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence at the start is no client that can do everything: nothing is judged."""
    monkeypatch.setattr(processes, "_START_SECONDS", 0.0)
    monkeypatch.setattr(processes, "_GRACE", 0.2)
    with pytest.raises(SettingsError, match="did not answer"):
        ProcessDriver([sys.executable, "-ISc", "input(); input()"])
