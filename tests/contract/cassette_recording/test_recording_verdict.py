"""A recording is judged: by the contract, by our claims, and by what the fake would answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from getimg_mock.cassettes.learned_settings import LearnedSettings, learn_settings
from getimg_mock.contract.cassette_recording.recording_verdict import (
    add_evidence,
    judge_recording,
    render_verdict,
)
from getimg_mock.contract.evidence.evidence_file import read_evidence
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.errors import SettingsError
from tests.contract.cassette_recording.observations import BASE, observe_session

NOTHING = LearnedSettings()
FOLDER = Path("cassette")


def _judge(settings: Any = None, change: Any = None) -> Any:
    observation = observe_session(FOLDER, settings, change)
    return judge_recording(observation.observed.build_history("cassette"), NOTHING)


def test_the_fake_refutes_nothing_and_differs_from_itself_in_nothing() -> None:
    """What is reported as a difference is one: other seeds, prices of none, no false rows."""
    found = _judge({"seed": "another", "balance": "12.5"})
    assert found.differences == ()
    assert not found.evidence.contradicted
    assert len(found.evidence.confirmed) > 20


def test_a_service_that_refuses_what_the_fake_accepts_is_a_difference(tmp_path: Path) -> None:
    """The fake is too lenient: its users must know before their users do."""
    models = tmp_path / "models.json"
    models.write_text(json.dumps({"extends": True, "remove": ["seedream-5-lite"]}))
    found = _judge({"models": models})
    assert {"GE903", "GE910"} <= {each.check.id for each in found.differences}


def test_fields_that_are_new_are_named() -> None:
    """An added field is drift: it informs, and the report says where it is."""

    def change(target: str, value: Any) -> Any:
        return {**value, "seed": 7} if target == "/v2/images/generations" else value

    found = _judge(change=change)
    (difference,) = found.differences
    assert (difference.check.id, difference.status) == ("GE902", "INFO")
    assert "/seed" in render_verdict(found)


def test_a_claim_that_is_broken_is_refuted_with_its_day() -> None:
    """A total that is not price times quantity contradicts the documentation."""

    def change(target: str, value: Any) -> Any:
        if target == "/v2/images/generations" and "usage" in value:
            return {**value, "usage": {**value["usage"], "total_cost": 9}}
        return value

    found = _judge(change=change)
    assert found.evidence.contradicted
    assert all(f"{day:%Y-%m-%d}" == "2026-09-01" for day, _ in found.evidence.contradicted.values())
    assert "refuted GP" in render_verdict(found)


@pytest.mark.parametrize(
    "answer",
    [
        b"<h1>\x1b[31mhello</h1>",
        b"null",
        b"[[[]]]",
        b'{"id": 1, "status": [], "data": "x", "usage": 3, "error": 4, "balance": -1}',
        b'{"id": "req-x", "status": "completed", "data": [{"url": 5}, {"url": "http://["}]}',
        b'[{"id": 1, "pricing": []}, 7]',
    ],
)
def test_a_hostile_service_is_judged_without_an_exception(answer: bytes) -> None:
    """Whatever was recorded ends in a report, and the report is plain text."""
    found = _judge(change=lambda _target, _value: answer)
    assert render_verdict(found).replace("\n", "").isprintable()


def test_claims_with_a_setting_are_compared_with_what_was_recorded() -> None:
    """A retention of two hours refutes a claim of docs/fidelity.md, and names the setting."""
    observation = observe_session(FOLDER, {"retention": 7200})
    learned = learn_settings(observation.recorder.list_entries())
    history = observation.observed.build_history("cassette")
    claims = {each.setting: each for each in judge_recording(history, learned).claims}
    assert not claims["--retention"].confirmed
    assert claims["--retention"].recorded == "7200"
    same = observe_session(FOLDER)
    learned = learn_settings(same.recorder.list_entries())
    history = same.observed.build_history("cassette")
    again = judge_recording(history, learned)
    assert {each.setting for each in again.claims if each.confirmed} >= {"--retention"}


def test_evidence_is_added_to_a_file_of_the_users(tmp_path: Path) -> None:
    """The file can be merged into ours, and evidence of another service cannot be taken for it."""
    path, other = tmp_path / "evidence.json", tmp_path / "other.json"
    evidence = _judge().evidence
    add_evidence(path, evidence, BASE)
    add_evidence(path, evidence, BASE)
    assert read_evidence(path, PROVIDER_CHECKS).confirmed == evidence.confirmed
    add_evidence(other, evidence, "http://127.0.0.1:1")
    with pytest.raises(SettingsError, match=r"about http://127\.0\.0\.1:1, not about"):
        read_evidence(other, PROVIDER_CHECKS)
    with pytest.raises(SettingsError, match="another file"):
        add_evidence(path, evidence, "http://127.0.0.1:1")
