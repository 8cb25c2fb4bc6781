"""Recorded traffic, what it confirms, and how long that counts."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.contract.checks import PROVIDER, chosen, equivalence
from getimg_mock.contract.comparison import Comparison
from getimg_mock.contract.evidence import (
    Evidence,
    evidence_of,
    read_evidence,
    read_known,
    write_evidence,
)
from getimg_mock.contract.traffic import read_traffic
from getimg_mock.contract.verdicts import judged
from getimg_mock.errors import SettingsError
from tests.contract.test_checks import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Verdict


def traffic(tmp_path: Path, entries: list[dict[str, Any]]) -> Path:
    """Write recorded traffic."""
    path = tmp_path / "traffic.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in entries), encoding="utf-8")
    return path


def recorded(tmp_path: Path, *names: str) -> Path:
    """Write what the fake did as traffic that somebody recorded."""
    entries = [
        {"method": each.method, "path": each.path, "query": each.query, "status": each.status,
         "headers": dict(each.headers), "at": each.at.isoformat(), "key": each.key,
         "request_headers": {"Authorization": "Bearer sk_very_secret"},
         "request_body": (each.request_body or b"").decode() or None,
         "body": {"base64": b64encode(each.body).decode()}}
        for name in names for each in run(name)
    ]  # fmt: skip
    return traffic(tmp_path, entries)


def judged_all(history: History) -> dict[str, Verdict]:
    """Judge a history as one of a service that is not ours."""
    return {check.id: judged(check, [history], own=False) for check in PROVIDER}


def test_recorded_traffic_is_judged_by_what_can_be_seen_in_it(tmp_path: Path) -> None:
    """Class T: the history alone, without the plan that made it."""
    found = judged_all(read_traffic(recorded(tmp_path, "money of a working day")))
    assert found["GP501"].status == found["GP504"].status == "PASS"
    assert found["GP308"].status == "PASS"
    assert found["GP701"].status == "VOID"
    assert not [each.check.id for each in found.values() if each.status == "FAIL"]


def test_recorded_traffic_holds_no_key(tmp_path: Path) -> None:
    """Keys and cookies are taken out when traffic is read."""
    history = read_traffic(recorded(tmp_path, "the catalogue"))
    assert "sk_very_secret" not in repr(history)


def test_a_har_file_is_read(tmp_path: Path) -> None:
    """What a browser or a proxy recorded can be judged."""
    entry = {
        "startedDateTime": "2026-09-01T12:00:00Z",
        "request": {"method": "GET", "url": "https://api.getimg.ai/v2/billing/balance",
                    "headers": [{"name": "Authorization", "value": "Bearer sk_x"}]},
        "response": {"status": 200, "headers": [{"name": "Content-Type",
                                                 "value": "application/json"}],
                     "content": {"text": '{"balance": 12.3, "currency": "USD"}'}},
    }  # fmt: skip
    path = tmp_path / "traffic.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}), encoding="utf-8")
    found = judged_all(read_traffic(path))
    assert found["GP110"].status == "FAIL"
    assert found["GP101"].status == "FAIL"


def test_traffic_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A wrong file is an error with its name, not an empty verdict."""
    with pytest.raises(SettingsError, match="no recorded traffic"):
        read_traffic(traffic(tmp_path, [{"nothing": 1}]))


def test_traffic_becomes_evidence_with_its_date(tmp_path: Path) -> None:
    """What traffic confirms is written down with the day on which it was seen."""
    evidence = evidence_of(PROVIDER, [read_traffic(recorded(tmp_path, "the catalogue"))])
    path = tmp_path / "evidence.json"
    write_evidence(path, evidence)
    assert read_evidence(path) == evidence
    assert evidence.confirmed["GP801"] == datetime(2026, 9, 1, tzinfo=UTC)
    assert not evidence.contradicted
    assert "GP801" in evidence.fresh(datetime(2026, 9, 30, tzinfo=UTC))
    assert not evidence.fresh(datetime(2027, 4, 1, tzinfo=UTC))
    assert not evidence.fresh(datetime(2026, 9, 30, tzinfo=UTC), timedelta(days=7))


def test_the_latest_word_on_a_check_counts() -> None:
    """The service changes: what it did last is what it does, and on one day doubt wins."""
    early, late = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    kept, broke = Evidence({"GP801": early}), Evidence({}, {"GP801": (late, "an object")})
    for merged in (kept.merged(broke), broke.merged(kept)):
        assert merged == Evidence({}, {"GP801": (late, "an object")})
    assert Evidence({"GP801": late}).merged(broke) == broke
    again = Evidence({"GP801": late + timedelta(days=1)})
    assert broke.merged(again) == again


@pytest.mark.parametrize(
    ("change", "message"),
    [({"base": "http://127.0.0.1:4010"}, "only https"), ({"at": None}, "when it was recorded")],
)
def test_only_dated_traffic_of_the_real_service_is_evidence(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    """The fake must never be taken for proof of itself."""
    path = recorded(tmp_path, "the catalogue")
    entries = [json.loads(line) | change for line in path.read_text("utf-8").splitlines()]
    with pytest.raises(SettingsError, match=message):
        evidence_of(PROVIDER, [read_traffic(traffic(tmp_path, entries))])


def test_evidence_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A wrong file is an error with its name."""
    path = tmp_path / "evidence.json"
    for text in ("{}", "[]", "{"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError, match="no evidence"):
            read_evidence(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_evidence(tmp_path / "missing.json")


@pytest.mark.parametrize("read", [read_evidence, read_known])
def test_files_that_are_no_text_are_refused_in_a_sentence(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    """Evidence and known failures may come from anywhere; no trace of Python comes of it."""
    path = tmp_path / "file"
    path.write_bytes("GP407  caf\u00e9".encode("latin-1"))
    with pytest.raises(SettingsError, match="no UTF-8 from byte 10 on"):
        read(path)


def test_evidence_of_a_check_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """It would count for nothing, and nobody would know."""
    path = tmp_path / "evidence.json"
    entry = {"check": "GP470", "observed": "2026-09-01"}
    record = {"confirmations": [entry], "contradictions": []}
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"evidence.json: Unknown check 'GP470'.*Did you mean"):
        read_evidence(path)


def test_old_evidence_is_stale_not_a_failure() -> None:
    """STALE, so that a run says it, and does not fail for the calendar."""
    (check,) = chosen("GE908", equivalence.CHECKS)
    now = datetime(2026, 9, 1, tzinfo=UTC)
    old = Comparison(observed={"GP407": now - timedelta(days=8)}, now=now)
    assert judged(check, [old]).status == "PASS"
    assert judged(check, [replace(old, stale_after=timedelta(days=7))]).status == "STALE"
