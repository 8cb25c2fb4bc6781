"""`verify_provider`: one call, a typed result, and every report of it."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import UnknownNameError, verify_provider
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verification.preparation import ProviderOptions
from getimg_mock.contract.verification.preview import preview_provider
from getimg_mock.errors import BudgetError, SettingsError
from getimg_mock.reports.formats import FORMATS
from getimg_mock.serving.server import MockServer
from tests.contract.provider.everyone import BY_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.contract.verification.result import Verification

pytestmark = pytest.mark.slow

KEY, SECOND_KEY = "sk_first_key", "sk_second_key"
FAULTY = InProcessTarget(wrap=BY_NAME["any-signature"].wrap)


@pytest.fixture(scope="module")
def broken() -> Verification:
    """Return the verification of a provider that takes any signature."""
    return verify_provider(FAULTY, only="GP407")


def test_the_fake_keeps_what_is_asked_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but a result comes of it: no file, unless one is asked for."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    result = verify_provider(only=["GP801", "GP802"], tier="R0")
    assert (result.ok, result.status, result.failures, result.spend) == (True, 0, (), None)
    assert [(each.id, each.status) for each in result.verdicts] == [
        ("GP801", "PASS"),
        ("GP802", "PASS"),
    ]
    assert result.scorecard.startswith("fake: PASS 2")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_has_its_exchanges_with_their_types(broken: Verification) -> None:
    """What was expected, what came, and the requests: without a look into any dictionary."""
    assert (broken.ok, broken.status) == (False, 1)
    assert broken.failed == {"GP407"}
    assert broken.blockers == ("GP407",)
    (result,) = broken.of("FAIL")
    first = broken.failures[0]
    assert first in result.breaches
    assert first.check == "GP407"
    assert first.expected
    assert first.replay == "getimg-mock verify api --target fake --only GP407"
    exchange = first.exchanges[-1]
    assert (exchange.method, exchange.status) == ("GET", 200)
    assert exchange.at.tzinfo is not None
    assert "/v2/downloads/" in exchange.path
    assert "FAIL  GP407" in result.render(replay="again")
    assert "replay    again" in result.render(replay="again")


@pytest.mark.parametrize("ending", FORMATS)
def test_a_result_renders_to_every_format(
    ending: str, broken: Verification, tmp_path: Path
) -> None:
    """The command line has no report that Python has not."""
    text = broken.render(ending)
    assert "GP407" in text
    path = tmp_path / f"report{ending}"
    broken.write(str(path))
    assert path.read_text(encoding="utf-8") == text
    with pytest.raises(UnknownNameError, match="kind of report 'pdf'"):
        broken.render("pdf")


def test_a_result_does_not_change(broken: Verification) -> None:
    """It can be kept, compared and passed on."""
    with pytest.raises(FrozenInstanceError):
        broken.status = 0  # type: ignore[misc]
    lines = broken.render("ndjson").splitlines()
    assert [json.loads(line) for line in lines] == json.loads(json.dumps(broken.events))


def test_known_failures_excuse_and_are_held_to_account() -> None:
    """Listed and broken is no failure; listed and mended is one, with a sentence."""
    excused = verify_provider(FAULTY, only="GP407", known_failures={"GP407": "in May"})
    assert (excused.ok, excused.verdicts[0].status) == (True, "XFAIL")
    mended = verify_provider(only="GP801", tier="R0", known_failures={"GP801": "in May"})
    assert (mended.ok, mended.verdicts[0].status) == (False, "XPASS")
    (failure,) = mended.failures
    assert "remove it from the list" in failure.actual
    with pytest.raises(UnknownNameError, match="known failures 'GC401'"):
        verify_provider(only="GP801", tier="R0", known_failures={"GC401": ""})


def test_events_are_told_as_they_happen_and_kept_where_asked(tmp_path: Path) -> None:
    """A callback for progress, a file for replays."""
    seen: list[dict[str, Any]] = []
    path = tmp_path / "events.ndjson"
    result = verify_provider(only="GP801", tier="R0", events=path, on_event=seen.append)
    assert tuple(seen) == result.events
    assert [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] == seen
    assert (seen[0]["event"], seen[-1]["event"]) == ("start", "end")


def test_what_a_service_costs_is_part_of_the_result(tmp_path: Path) -> None:
    """In decimals, with the ceiling; and the checks of money are judged, whatever was asked."""
    with MockServer(video_seconds=0, media_size="small") as server:
        result = verify_provider(
            server.url,
            key=KEY,
            second_key=SECOND_KEY,
            tier="R2",
            budget="0.1",
            only="GP501",
            record=tmp_path / "spend.json",
        )
        store = server.app.fake.store
        charged = sum(store.get_or_create(key).ledger.charged for key in (KEY, SECOND_KEY))
        assert result.spend is not None
        assert result.spend.ceiling == Decimal("0.1")
        assert 0 < charged == result.spend.spent <= Decimal("0.1")
    assert {"GH005", "GH009"} <= {each.id for each in result.verdicts}


def test_a_preview_prices_every_plan_and_buys_nothing(tmp_path: Path) -> None:
    """What `--dry-run` shows, as data."""
    with MockServer() as server:
        options = ProviderOptions(
            target=server.url,
            key=KEY,
            second_key=SECOND_KEY,
            tier="R2",
            budget=5,
            record=tmp_path / "spend.json",
        )
        preview = preview_provider(options, only="GP5")
        assert server.app.fake.store.get_or_create(KEY).ledger.charged == 0
    assert preview.reads == 2
    assert 0 < preview.total <= 5
    assert preview.runnable


def test_recorded_traffic_is_judged_and_confirms(tmp_path: Path) -> None:
    """Nothing is sent; what the traffic confirms is added to the evidence."""
    traffic, evidence = tmp_path / "traffic.ndjson", tmp_path / "evidence.json"
    entry = {
        "method": "GET",
        "path": "/v2/billing/balance",
        "status": 200,
        "at": "2020-02-01T12:00:00Z",
        "headers": {"content-type": "application/json"},
        "body": {"balance": "12.30", "currency": "USD"},
    }
    traffic.write_text(json.dumps(entry) + "\n", encoding="utf-8")
    result = verify_provider(traffic=[traffic], evidence=evidence, only="GP103")
    assert [each.status for each in result.verdicts] == ["PASS"]
    found = json.loads(evidence.read_text(encoding="utf-8"))["confirmations"]
    assert [each["check"] for each in found] == ["GP103"]
    seen = datetime.fromisoformat(found[0]["observed"]).replace(tzinfo=UTC)
    assert seen == datetime(2020, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"target": "faek"}, UnknownNameError, "Did you mean 'fake'"),
        ({"only": "GP999"}, UnknownNameError, "Unknown check 'GP999'"),
        ({"tier": "R4"}, UnknownNameError, "Unknown tier 'R4'"),
        ({"target": "http://127.0.0.1:9", "key": "sk_x", "tier": "R2"}, BudgetError, "--budget"),
        ({"budget": "much", "target": "http://127.0.0.1:9", "key": "sk_x"}, BudgetError, "'much'"),
        ({"events": "missing/e.ndjson"}, SettingsError, "there is no folder missing"),
        ({"traffic": ["missing.har"], "only": "GE9"}, SettingsError, "GE and GH need a run"),
    ],
)
def test_what_cannot_be_is_an_error_with_the_sentence_of_the_command_line(
    options: dict[str, Any], error: type[Exception], told: str, tmp_path: Path
) -> None:
    """The same errors, raised before anything is sent."""
    with pytest.raises(error, match=told):
        verify_provider(**{"record": tmp_path / "spend.json", **options})
