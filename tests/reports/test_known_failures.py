"""Known failures: expected to fail, and told when they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports.known_failures import (
    apply_known_failures,
    load_known_failures,
    read_known_failures,
)
from tests.reports.bare_run import END, START

if TYPE_CHECKING:
    from pathlib import Path


def verdict(name: str, status: str, *, broken: bool = False) -> dict[str, Any]:
    """Return a verdict as an event."""
    return {
        "event": "verdict",
        "id": name,
        "status": status,
        "reason": "",
        "failures": [{}] if broken else [],
    }


def test_what_could_not_be_judged_says_nothing_about_a_known_failure() -> None:
    """VOID and SKIP stay; of a failure it is XFAIL, of what passes XPASS; ends count all."""
    told = [
        START,
        verdict("GP101", "FAIL", broken=True),
        verdict("GP102", "PASS"),
        verdict("GP103", "VOID"),
        verdict("GP104", "SKIP"),
        verdict("GE906", "INFO", broken=True),
        verdict("GH009", "FAIL", broken=True),
        END,
    ]
    known = dict.fromkeys(("GP101", "GP102", "GP103", "GP104", "GE906", "GH009"), "why")
    *_, end = found = list(apply_known_failures(told, known))
    statuses = {each["id"]: each["status"] for each in found if each["event"] == "verdict"}
    assert statuses == {
        "GP101": "XFAIL",
        "GP102": "XPASS",
        "GP103": "VOID",
        "GP104": "SKIP",
        "GE906": "XFAIL",
        "GH009": "XFAIL",
    }
    assert end["verdicts"] == {"XFAIL": 3, "XPASS": 1, "VOID": 1, "SKIP": 1}
    assert end["ok"] is False
    *_, end = apply_known_failures(told, {"GP101": "", "GH009": ""})
    assert end["ok"] is True


def test_a_list_that_is_no_text_is_told(tmp_path: Path) -> None:
    """In one sentence."""
    path = tmp_path / "known"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_known_failures(path, [])


def test_a_mapping_will_do_and_is_held_to_the_same_ids() -> None:
    """In Python no file is needed; a typing error in an id is refused all the same."""
    ids = ["GP407", "GP801"]
    assert load_known_failures(None, ids) == {}
    assert load_known_failures({"gp407": "in May"}, ids) == {"GP407": "in May"}
    with pytest.raises(UnknownNameError, match="Did you mean 'GP407'"):
        load_known_failures({"GP470": ""}, ids)
