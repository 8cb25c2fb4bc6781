"""`verify api` and `explain`, as they are typed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from getimg_mock.cli import main
from getimg_mock.contract.evidence.evidence_file import read_evidence
from getimg_mock.contract.evidence.recorded_traffic import read_traffic
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verification.registry import (
    ALL_BUT_CLIENT_CHECKS,
    PROVIDER_CHECKS,
    select_checks,
)
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.serving.server import MockServer

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

KEYS = ("--key", "sk_first_key", "--second-key", "sk_second_key")


def test_the_fake_is_judged_without_any_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`verify api` alone judges the fake in process, and writes what is asked for."""
    reports = [tmp_path / f"r{ending}" for ending in (".json", ".xml", ".sarif", ".md", ".html")]
    options = [word for report in reports for word in ("--report", str(report))]
    events = tmp_path / "events.ndjson"
    assert main(["verify", "api", "--only", "GP8,GP407", "--events", str(events), *options]) == 0
    assert "PASS 10" in capsys.readouterr().out.replace("INFO 1  PASS 9", "PASS 10")
    assert all(report.stat().st_size > 100 for report in reports)
    assert json.loads(events.read_text(encoding="utf-8").splitlines()[0])["event"] == "start"


def test_a_service_of_money_is_refused_without_a_budget(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No budget, no run: not a single request leaves."""
    with MockServer() as server:
        assert main(["verify", "api", "--target", server.url, *KEYS, "--tier", "R2"]) == 2
        assert not list(server.app.fake.store)
    assert "--budget" in capsys.readouterr().err


def test_a_dry_run_shows_prices_and_sends_nothing_that_costs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every plan is priced from the catalogue before it is sent."""
    record = str(tmp_path / "spend.json")
    with MockServer() as server:
        command = ["verify", "api", "--target", server.url, *KEYS, "--record", record]
        assert main([*command, "--tier", "R2", "--budget", "5", "--dry-run"]) == 0
        assert server.app.fake.store.get_or_create("sk_first_key").ledger.charged == 0
    shown = capsys.readouterr().out
    assert "Only 2 reads were sent" in shown  # the models, once for each key
    assert "left out: it could cost" in shown


@pytest.mark.parametrize(
    "words",
    [
        ("--random", "-5"),
        ("--random", "x"),
        ("--stale-after", "99999999999"),
        ("--wait", "nan"),
        ("--wait", "-1"),
        ("--target", "faek"),
        ("--target", "http://127.0.0.1:99999"),
        ("--target", "http://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """No stack trace, and the word that is wrong."""
    assert main(["verify", "api", *KEYS, *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith("getimg-mock: ")
    assert words[1] in told or words[0] in told


@pytest.mark.slow
def test_a_budget_is_kept_to_on_an_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the service took is within the ceiling, and written down for the next run."""
    record = tmp_path / "spend.json"
    with MockServer(video_seconds=0, media_size="small") as server:
        command = ["verify", "api", "--target", server.url, *KEYS, "--record", str(record)]
        # What the fake would do beside it, which costs nothing, is left out.
        assert main([*command, "--tier", "R2", "--budget", "1.5", "--only", "GP,GH"]) == 0
        spaces = [server.app.fake.store.get_or_create(key) for key in KEYS[1::2]]
        taken = sum(space.ledger.charged for space in spaces)
    assert 0 < taken <= 1.5
    assert json.loads(record.read_text(encoding="utf-8"))["days"]
    assert "Spent at most" in capsys.readouterr().out


def test_explain_says_what_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    """One id is explained; without an id, all are listed."""
    assert main(["explain", "gp407"]) == 0
    assert "blocker" in capsys.readouterr().out
    assert main(["explain"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert {check.id for check in ALL_BUT_CLIENT_CHECKS} <= set(listed)
    assert len(listed) == len(set(listed))
    assert main(["explain", "GP999"]) == 2
    assert main(["explain", "GE902"]) == 0
    assert "verify api --target URL" in capsys.readouterr().out
    assert main(["explain", "GC706"]) == 0
    assert "RFC 9110" in capsys.readouterr().out
    assert main(["explain", "GC801"]) == 0
    assert "our choice" in capsys.readouterr().out


def test_recorded_traffic_confirms_assumptions_until_it_is_old(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole loop: what traffic confirms is written, read again, and judged by its age."""
    recorded, evidence = tmp_path / "traffic.ndjson", tmp_path / "evidence.json"
    entry = {
        "method": "GET",
        "path": "/v2/billing/balance",
        "status": 200,
        "at": "2020-02-01T12:00:00Z",
        "headers": {"content-type": "application/json"},
        "body": {"balance": "12.30", "currency": "USD"},
    }
    recorded.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    assert main(["verify", "api", "--from", str(recorded), "--evidence", str(evidence)]) == 0
    written_down = json.loads(evidence.read_text(encoding="utf-8"))
    seen = {"check": "GP103", "observed": "2020-02-01", "exchange": "traffic.ndjson#1"}
    assert seen in written_down["confirmations"]
    with MockServer(balance="0") as server:
        command = ["verify", "api", "--target", server.url, *KEYS, "--evidence", str(evidence)]
        statuses = [stale_evidence(command, days, tmp_path) for days in ("180", "20000")]
    assert statuses == ["STALE", "PASS"]
    capsys.readouterr()


def stale_evidence(command: list[str], days: str, tmp_path: Path) -> str:
    """Return how GE908 comes out when evidence counts for so many days."""
    events = tmp_path / "events.ndjson"
    main([*command, "--stale-after", days, "--events", str(events)])
    found = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    return next(str(each["status"]) for each in found if each.get("id") == "GE908")


def test_a_confirmed_assumption_can_fail_a_service(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unconfirmed it only informs; confirmed it is a rule like any other."""
    recorded = tmp_path / "traffic.ndjson"
    entry = {
        "method": "GET",
        "path": "/v2/billing/balance",
        "status": 200,
        "at": "2020-02-01T12:00:00Z",
        "headers": {"content-type": "application/json"},
        "body": '{"balance": 0.30000000000000004, "currency": "USD"}',
    }
    recorded.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    evidence = tmp_path / "evidence.json"
    evidence.write_text(
        json.dumps(
            {"confirmations": [{"check": "GP109", "observed": "2020-01-01"}], "contradictions": []}
        ),
        encoding="utf-8",
    )
    campaign = VerificationSession(
        target=replace(InProcessTarget(), own=False),
        plans=(),
        checks=select_checks("GP109", PROVIDER_CHECKS),
        confirmed=read_evidence(evidence, PROVIDER_CHECKS).select_fresh(
            datetime(2020, 2, 1, tzinfo=UTC)
        ),
    )
    campaign.histories = [read_traffic(recorded)]
    assert [e["status"] for e in campaign.judge() if e["event"] == "verdict"] == ["FAIL"]
    capsys.readouterr()
    assert main(["verify", "api", "--from", str(recorded), "--only", "GP109"]) == 0
    assert "INFO 1" in capsys.readouterr().out
