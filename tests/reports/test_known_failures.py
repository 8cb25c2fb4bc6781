"""Known failures: expected to fail, and told when they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports.known_failures import (
    apply_known_failures,
    load_known_failures,
    read_known_failures,
    render_known_failures,
)
from getimg_mock.reports.run_events import Outcome
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


def test_what_fails_is_written_as_a_list_that_is_read_again(tmp_path: Path) -> None:
    """A project with many failures begins with a list of them, and keeps the reasons it gave."""
    verdicts = [
        {"id": "GP102", "status": "FAIL", "statement": "A rule #1 holds.", "reason": ""},
        {"id": "GP101", "status": "XFAIL", "statement": "B.", "reason": "issue 7"},
        {"id": "GP103", "status": "XPASS", "statement": "C.", "reason": "fixed"},
        {"id": "GP104", "status": "PASS", "statement": "D.", "reason": ""},
    ]
    events = [{"event": "verdict", **each} for each in verdicts]
    twin = Outcome(({**START, "twin": True}, {**events[0], "id": "GP105"}))
    path = tmp_path / "known"
    path.write_text(render_known_failures([Outcome((START, *events)), twin]), encoding="utf-8")
    ids = [f"GP10{number}" for number in range(1, 6)]
    assert read_known_failures(path, ids) == {"GP101": "issue 7", "GP102": "A rule 1 holds."}
