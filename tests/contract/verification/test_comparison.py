"""The checks that compare the fake with another target (GE), each with what breaks it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from getimg_mock.contract.evidence.claims import collect_claims
from getimg_mock.contract.evidence.evidence_file import load_shipped_evidence
from getimg_mock.contract.plans import Plan, get
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.comparison import Comparison, compute_shape
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, find_check
from getimg_mock.contract.verification.self_check import SelfCheck
from tests.contract.provider.everyone import BY_NAME
from tests.contract.provider.fixed_plans import find_broken, index_plans, run_plan

R0 = [plan for plan in index_plans().values() if plan.tier == "R0"]


@pytest.mark.slow
def test_fake_and_other_are_compared_step_by_step() -> None:
    """GE: the fake equals itself, and differs from providers that differ.

    GE902 finds nothing alone: what the fake answers fits the schemas, which say the type of each
    field, so that another type is another verdict of the schema, too (GE901).
    """
    fakes = tuple(InProcessTarget().run(plan) for plan in R0)
    assert not find_broken(
        Comparison(fake=fakes, other=tuple(InProcessTarget().run(p) for p in R0))
    )
    for fault, ids in {
        "balance-without-key": {"GE901"},
        "catalogue-prices-are-numbers": {"GE901", "GE902"},
        "rates-unordered": {"GE905"},
        "wrong-methods-are-404": set(),
        "errors-are-text-html": set(),
    }.items():
        target = InProcessTarget(wrap=BY_NAME[fault].wrap)
        other = Comparison(fake=fakes, other=tuple(target.run(plan) for plan in R0))
        assert find_broken(other) == ids, fault


def test_decisions_about_inputs_are_compared_both_ways() -> None:
    """GE903 sees any difference, GE910 only what the fake accepts and the other does not.

    Neither finds anything alone: accepted and refused are two classes of status (GE901).
    """
    name = "z-image-turbo: what it supports"
    strict = Comparison(
        fake=(run_plan(name),), other=(run_plan(name, "refuses-a-listed-resolution"),)
    )
    assert find_broken(strict) == {"GE901", "GE903", "GE910"}
    name = "images: values outside of the lists"
    lenient = Comparison(fake=(run_plan(name),), other=(run_plan(name, "jpg-is-jpeg"),))
    assert find_broken(lenient) == {"GE901", "GE903"}


def test_headers_verdicts_claims_and_ages_are_compared() -> None:
    """GE904 to GE909, each with something that breaks it and nothing else."""
    name = "a video from 202 to its file"
    fake = (run_plan(name),)
    assert find_broken(Comparison(fake=fake, other=(run_plan(name, "no-rate-headers"),))) == {
        "GE904"
    }
    verdicts = Comparison(fake_broken={"GP1": False}, other_broken={"GP1": True})
    assert find_broken(verdicts) == {"GE906"}
    assert find_broken(Comparison(claims={"error": "rumour"})) == {"GE907"}
    now = datetime(2026, 9, 1, tzinfo=UTC)
    old = Comparison(observed={"GP407": now - timedelta(days=181)}, now=now)
    assert find_broken(old) == {"GE908"}
    assert not find_broken(replace(old, observed={"GP407": now - timedelta(days=179)}))
    assert find_broken(Comparison(fake=fake, other=(run_plan(name, "link-born-expired"),))) == {
        "GE909"
    }


def test_every_claim_of_the_schemas_has_its_evidence() -> None:
    """GE907 on what is shipped."""
    evidence = load_shipped_evidence()
    made = collect_claims(evidence, PROVIDER_CHECKS)
    assert len(made) > 400
    assert (
        judge_check(find_check("GE907"), [Comparison(claims=made, cited=evidence.seen)]).status
        == "PASS"
    )


def test_a_fault_that_no_api_could_show_is_found() -> None:
    """GE911 and GH001: an answer of the wrong shape is no legal oddity."""
    rule = json.dumps({"on": "models.list", "answer": {"status": 200, "body": {"models": []}}})
    history = InProcessTarget().run(Plan(name="x", steps=(get("/v2/models"),), rules=(rule,)))
    assert find_broken(Comparison(fake=(history,))) == {"GE911"}
    assert find_broken(SelfCheck(histories=(history,))) == {"GH001"}


def test_oddities_are_legal_and_are_met() -> None:
    """GE911, GH001, GH002: whatever a scenario makes the fake show, the API could show."""
    histories = tuple(InProcessTarget().run(plan) for plan in index_plans().values() if plan.rules)
    assert len(histories) >= 6
    for name in ("GH001", "GH002"):
        assert judge_check(find_check(name), [SelfCheck(histories=histories)]).status == "PASS"
    assert judge_check(find_check("GE911"), [Comparison(fake=histories)]).status == "PASS"
    assert find_broken(SelfCheck(histories=(replace(histories[0], hits={}),))) == {"GH002"}


def test_a_shape_is_pointers_and_types() -> None:
    """Two answers have one shape when they differ in values only."""
    assert compute_shape({"a": [1, 2.5], "b": None}) == {
        ("", "object"),
        ("/a", "array"),
        ("/a/*", "number"),
        ("/b", "null"),
    }
