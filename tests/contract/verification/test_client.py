"""`verify_client`: one call for whatever a client is, and a typed result."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import MockServer, UnknownNameError, verify_client
from getimg_mock._shipped import open_folder
from getimg_mock.contract.clients.observed_traffic import ObservedCommand, ObservedFake
from getimg_mock.errors import SettingsError
from tests.contract.clients.reference import faulty, make
from tests.contract.clients.test_run_validity import HalfDone, Todo

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk_one_call"
BUY = """
import json, os, urllib.request
for _ in range(2):
    try:
        urllib.request.urlopen(urllib.request.Request(
            os.environ["GETIMG_AI_BASE_URL"] + "/v2/images/generations",
            json.dumps({"model": "seedream-5-lite", "prompt": "A lighthouse"}).encode(),
            {"Authorization": "Bearer sk_one_call", "Content-Type": "application/json"},
        ))
    except OSError:
        pass
"""

pays_twice = faulty("reposts-reset")


def make_careless(**options: Any) -> Any:
    """Make a client that pays twice."""
    return pays_twice(**options)


def test_a_factory_is_a_client() -> None:
    """No name, no file: the object at hand is verified, and can be replayed by its name."""
    result = verify_client(make_careless, only="GC401")
    assert (result.ok, result.status, result.blockers) == (False, 1, ("GC401",))
    assert result.scorecard.startswith("getimg-client-")
    assert result.scorecard.endswith("0/1, 1 blocker: GC401")
    (failure, *_) = result.failures
    assert failure.plan == "lost-reset-image"
    assert sum(each.method == "POST" for each in failure.exchanges) >= 2
    assert failure.replay.endswith("tests.contract.verification.test_client:make_careless")
    assert "FAIL  GC401" in result.render("txt")


def test_a_factory_without_a_name_is_verified_too() -> None:
    """It is only not promised that a command could replay it."""
    result = verify_client(pays_twice, only="GC401")
    assert result.verdicts[0].target == "FaultyClient"
    assert "has no name to import it by" in result.failures[0].replay


def test_a_good_client_passes_by_its_name() -> None:
    """`package.module:make`, as on the command line."""
    result = verify_client("tests.contract.clients.reference:make", only=["GC401", "GC601"])
    assert (result.ok, result.failures, result.gaps) == (True, (), ())
    assert {each.status for each in result.verdicts} == {"PASS"}


def test_several_clients_have_a_run_each() -> None:
    """Side by side in one report."""
    result = verify_client(make, pays_twice, only="GC401")
    assert [outcome.ok for outcome in result.outcomes] == [True, False]
    assert len(result.scorecard.splitlines()) == 2
    assert len({each.target for each in result.verdicts}) == 2


@pytest.mark.slow
def test_a_program_is_a_list_of_words() -> None:
    """No quoting of a command that is a list already."""
    driver = str(open_folder("fixtures").joinpath("drivers", "driver.py"))
    result = verify_client([sys.executable, driver], only="GC101")
    assert result.outcomes[0].start["adapter"] == f"program:{sys.executable} {driver}"
    assert result.verdicts[0].status == "PASS"


def test_the_requests_that_a_fake_has_seen_are_judged() -> None:
    """Of one workspace, without driving anything."""
    with MockServer(scenario="lost-response") as server:
        fake = server.app.fake
        observed = verify_client(ObservedCommand([sys.executable, "-c", BUY], ["lost-response"]))
        assert observed.failed & {"GC401", "GC402", "GC403"}
        result = verify_client(ObservedFake(fake, KEY), only="GC4")
    assert not result.ok
    assert result.status == 2
    assert "It sent no request" in result.gaps[0]


def test_a_command_that_fails_gives_its_status() -> None:
    """A red test suite stays red, whatever its requests were like."""
    result = verify_client(ObservedCommand([sys.executable, "-c", BUY + "raise SystemExit(7)"]))
    assert (result.failures, result.status) == ((), 7)


def test_what_was_not_tried_is_a_gap_and_no_success() -> None:
    """Status 2, with sentences: a client that never sends anything was not verified."""
    result = verify_client(Todo, only="GC101")
    assert (result.ok, result.status) == (False, 2)
    assert "It sent no request" in result.gaps[0]
    half = verify_client(HalfDone, only="GC101,GC601")
    assert "costs never sent a request" in half.gaps[0]


def test_a_service_is_compared_with_the_fake_under_a_budget(tmp_path: Path) -> None:
    """Two runs of one client, and what the second has cost."""
    with MockServer(video_seconds=0, media_size="small") as server:
        result = verify_client(
            make,
            target=server.url,
            key=KEY,
            budget=2,
            record=tmp_path / "spend.json",
            only="GC410,GC601",
        )
        charged = server.app.fake.store.get_or_create(KEY).ledger.charged
    assert [outcome.start["own"] for outcome in result.outcomes] == [True, False]
    assert result.spend is not None
    assert 0 < charged <= result.spend.spent <= Decimal(2)


def test_events_are_told_as_they_happen() -> None:
    """Case by case, for progress."""
    seen: list[dict[str, Any]] = []
    result = verify_client(make, only="GC401", on_event=seen.append)
    assert tuple(seen) == result.events
    assert [each["event"] for each in seen[:2]] == ["start", "case"]


@pytest.mark.parametrize(
    ("client", "options", "error", "told"),
    [
        ("htpx", {}, SettingsError, "Did you mean 'httpx'"),
        (make, {"only": "GC999"}, UnknownNameError, "Unknown check 'GC999'"),
        (make, {"target": "http://127.0.0.1:9", "key": KEY}, SettingsError, "--budget"),
        (make, {"target": "socket", "budget": 1}, UnknownNameError, "Unknown target 'socket'"),
        (make, {"events": "missing/e.ndjson"}, SettingsError, "there is no folder missing"),
        ("program:'", {}, SettingsError, "No closing quotation"),
        (make, {"known_failures": {"GP407": ""}}, UnknownNameError, "known failures 'GP407'"),
    ],
)
def test_what_cannot_be_is_an_error_with_the_sentence_of_the_command_line(
    client: Any, options: dict[str, Any], error: type[Exception], told: str
) -> None:
    """The same errors, raised before the client is tried."""
    with pytest.raises(error, match=told):
        verify_client(client, **options)
