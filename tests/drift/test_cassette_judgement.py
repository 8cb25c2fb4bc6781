"""Recordings that are judged again: what was recorded, by the contract and catalogue of today."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.cassette_recording.traffic_import import import_traffic
from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.control.channels import LocalChannel
from getimg_mock.control.handle import WorkspaceHandle
from getimg_mock.drift.cassette_judgement import judge_cassette
from getimg_mock.drift.drift_run import DriftOptions, find_drift
from getimg_mock.errors import CassetteError
from tests.api.driver import Driver

if TYPE_CHECKING:
    from pathlib import Path

COSTS = "/v2/billing/costs?start=2026-03-01T00:00:00Z&end=2026-03-09T00:00:00Z"


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    """Return a recording of what clients usually do, failures included."""
    driver = Driver.of()
    driver.get("/v2/models")
    driver.get("/v2/models?type=video")
    driver.get("/v2/models/seedream-5-lite")
    driver.image()
    driver.image(model="nope")
    driver.image(resolution="9K")
    videos = [driver.video(prompt=f"Waves {number}").json["id"] for number in range(2)]
    driver.poll(videos[0])
    driver.advance(100)
    for video in videos:
        driver.poll(video)
    driver.poll("req-01UNKNOWN00000")
    driver.balance()
    driver.get(COSTS)
    handle = WorkspaceHandle(LocalChannel(driver.app.fake, driver.key))
    file = tmp_path / "journal.har"
    file.write_text(json.dumps(handle.journal.to_har()), encoding="utf-8")
    import_traffic(file, tmp_path / "cassette")
    return tmp_path / "cassette"


def test_a_recording_that_holds_has_no_row(cassette: Path) -> None:
    """What a cassette leaves out, and what is made up in its place, breaks no check."""
    assert [*judge_cassette(cassette, load_shipped_models())] == []


def test_the_id_of_a_model_is_not_that_of_a_generation(cassette: Path) -> None:
    """A recorded model keeps its id, as a replay answers with it."""
    (entry,) = cassette.joinpath("exchanges").glob("models.retrieve-*.json")
    assert json.loads(entry.read_text())["response"]["json"]["id"] == "seedream-5-lite"


def test_what_the_contract_refuses_is_a_row(cassette: Path) -> None:
    """With the check that refuses it, and its statement as the claim."""
    (entry,) = cassette.joinpath("exchanges").glob("billing.balance-*.json")
    edited = json.loads(entry.read_text())
    edited["response"]["json"]["currency"] = 7
    entry.write_text(json.dumps(edited))
    rows = [*judge_cassette(cassette, load_shipped_models())]
    assert rows
    assert {row.change for row in rows} == {"check failed"}
    assert {row.severity for row in rows} >= {"breaking"}
    assert all(row.source == "cassette cassette" and row.claim for row in rows)


def test_recorded_models_are_compared_with_the_known_ones(cassette: Path) -> None:
    """Prices, and models that are gone or new since the recording."""
    known = deepcopy(load_shipped_models())
    gone = known.pop()
    known[0]["pricing"]["rates"][0]["unit_price"] = "0.5"
    rows = {(row.subject.split()[1], row.change) for row in judge_cassette(cassette, known)}
    assert rows == {(known[0]["id"], "price changed"), (gone["id"], "model added")}
    (listed,) = [
        each
        for each in cassette.joinpath("exchanges").glob("models.list-*.json")
        if "query" not in json.loads(each.read_text())["request"]
    ]
    listed.unlink()
    known.append({**gone, "id": "never-recorded"})
    assert "never-recorded" not in {
        row.subject.split()[1] for row in judge_cassette(cassette, known)
    }


def test_a_run_takes_cassettes(cassette: Path, tmp_path: Path) -> None:
    """They alone are enough to compare; a folder that is none is one sentence."""
    report, _ = find_drift(DriftOptions(sdk=("none",), cassettes=(cassette,)))
    assert (report.compared, report.status) == (("cassette cassette",), 0)
    with pytest.raises(CassetteError, match="is not a cassette"):
        find_drift(DriftOptions(sdk=("none",), cassettes=(tmp_path,)))
