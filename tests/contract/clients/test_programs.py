"""Programs in other languages, driven by JSON lines."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from getimg_mock._shipped import shipped
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


@pytest.mark.parametrize("language", COMMANDS)
def test_a_program_is_judged_through_json_lines(language: str) -> None:
    """Any language can be judged: formation, and money after a lost answer."""
    program, script = COMMANDS[language]
    if shutil.which(program) is None or (language == "bash" and shutil.which("curl") is None):
        pytest.skip(f"there is no {program} here")
    driver = ProcessDriver([program, str(shipped("fixtures").joinpath("drivers", script))])
    try:
        result = verify(driver, checks=chosen(["GC103", "GC401", "GC402", "GC404", "GC410"]))
    finally:
        driver.close()
    assert {each.check.id for each in result.of("PASS")} == {
        "GC103", "GC401", "GC402", "GC404", "GC410",
    }  # fmt: skip


def test_a_program_that_is_no_driver_is_told_so() -> None:
    """A wrong command is an error of the caller's, not a verdict on a client."""
    with pytest.raises(SettingsError, match="no JSON"):
        ProcessDriver([sys.executable, "-c", "print('hello', flush=True); input()"])
