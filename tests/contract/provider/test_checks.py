"""The register of checks, and the checks of fake against real and of the harness itself."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.contract.evidence.claims import collect_claims
from getimg_mock.contract.evidence.evidence import load_shipped_evidence
from getimg_mock.contract.json_reading import read_json
from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
    load_shipped_models,
)
from getimg_mock.contract.plans import Plan, get, post
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.plan_strategies import draw_plans, find_smallest_breach
from getimg_mock.contract.steps import Poll, Ref, Wait
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import Finding, Observation, find_breach_status, judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.comparison import Comparison, compute_shape
from getimg_mock.contract.verification.registry import (
    ALL_BUT_CLIENT_CHECKS,
    PROVIDER_CHECKS,
    find_check,
    select_checks,
)
from getimg_mock.contract.verification.self_check import SelfCheck
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.errors import UnknownNameError
from getimg_mock.reports.known_failures import apply_known_failures, read_known_failures
from tests.contract.provider.benign import BENIGN
from tests.contract.provider.everyone import BY_NAME
from tests.contract.provider.faulty_costs import costs_that_lag

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.contract.history import History
    from getimg_mock.contract.verdicts import Check

MODELS = load_shipped_models()
R0 = [plan for plan in build_corpus(MODELS) if plan.tier == "R0"]


def broken(check_id: str, subject: Any) -> bool:
    """Return whether a check finds its subject wanting."""
    return judge_check(find_check(check_id), [subject]).broken


def breaking(subject: Comparison | SelfCheck) -> set[str]:
    """Return which checks of its kind find a subject wanting."""
    checks = registry.EQUIVALENCE if isinstance(subject, Comparison) else registry.HARNESS
    return {check.id for check in checks if judge_check(check, [subject]).broken}


def run(name: str, fault: str | None = None) -> History:
    """Run one fixed plan, by name, against the fake or a faulty provider."""
    plan = next(plan for plan in build_corpus(MODELS) if plan.name == name)
    return InProcessTarget(wrap=BY_NAME[fault].wrap if fault else None).run(plan)


def test_the_whole_catalogue_is_there() -> None:
    """The numbers of the catalogue, none reused, none missing."""
    counts = {
        "GP1": 15,
        "GP2": 16,
        "GP3": 15,
        "GP4": 11,
        "GP5": 13,
        "GP6": 6,
        "GP7": 7,
        "GP8": 9,
        "GE9": 11,
        "GH0": 10,
    }
    for topic, count in counts.items():
        first = {"GE9": 901, "GH0": 1}.get(topic, int(topic[2]) * 100 + 1)
        wanted = [f"{topic[:2]}{first + n:03d}" for n in range(count)]
        assert [check.id for check in ALL_BUT_CLIENT_CHECKS if check.topic == topic] == wanted


@pytest.mark.parametrize("check", ALL_BUT_CLIENT_CHECKS, ids=lambda check: check.id)
def test_a_check_explains_itself(check: Check) -> None:
    """`explain` has something to say about each."""
    assert len(check.statement) > 20
    assert check.why.endswith(".")
    homes = ("getimg_mock.contract.provider.checks.", "getimg_mock.contract.verification.checks.")
    assert check.judge.__module__.startswith(homes)


def test_an_unknown_check_names_the_nearest() -> None:
    """Whoever mistypes an id is helped."""
    with pytest.raises(UnknownNameError, match="Did you mean"):
        find_check("GP470")
    assert [check.id for check in select_checks("gp7,GP801", PROVIDER_CHECKS)][-1] == "GP801"


def test_an_assumption_is_a_failure_on_the_fake_only() -> None:
    """What nobody confirmed about a service of others is told, not failed."""
    check = find_check("GP216")
    assert find_breach_status(check, own=True) == "FAIL"
    assert find_breach_status(check, own=False) == "INFO"
    assert find_breach_status(check, own=False, confirmed=True) == "FAIL"


def test_a_judge_that_cannot_read_an_answer_finds_it_wrong() -> None:
    """An answer of any form at all never breaks the harness."""
    history = run("the catalogue")
    strange = replace(
        history,
        exchanges=tuple(
            replace(each, body=b'[{"pricing": 5, "id": [], "supported_references": null}]')
            for each in history
        ),
    )
    for check in PROVIDER_CHECKS:
        judge_check(check, [strange])
    assert broken("GP801", strange)


def test_drift_is_recorded_at_any_depth() -> None:
    """GP115: a field beyond the schema is named with its place, in a list and in a union too."""
    variant = next(each for each in BENIGN if each.name == "unknown fields everywhere")
    plans = [
        plan
        for plan in build_corpus(MODELS)
        if plan.name in {"the catalogue", "videos that fail", "a video from 202 to its file"}
    ]
    target = InProcessTarget(wrap=variant.wrap)
    verdict = judge_check(find_check("GP115"), [target.run(plan) for plan in plans], most=100)
    assert verdict.status == "INFO"
    noted = " ".join(verdict.notes)
    for place in ("[].pricing.rates[].x_new", "data[].x_new", "usage.x_new", "error.x_new"):
        assert f" {place}" in noted, noted


def test_ids_are_unique_over_a_run() -> None:
    """GP304: an id of an earlier plan is none, but on our fake, where each plan is a new world."""
    name = "looking at a pending video costs nothing"
    (plan,) = (plan for plan in build_corpus(MODELS) if plan.name == name)
    first, again, other = (
        InProcessTarget(own=False, seed=seed).run(plan) for seed in ("0", "0", "1729")
    )
    check = find_check("GP304")
    verdict = judge_check(check, [first, again], own=False)
    assert [finding.history for finding in verdict.findings] == [again]
    assert not judge_check(check, [first, other], own=False).broken
    assert not judge_check(check, [run(name), run(name)]).broken


@pytest.mark.parametrize(
    ("seconds", "own", "fine"),
    [
        (5, False, True),
        (3600, False, False),
        (5, True, False),
    ],
)
def test_costs_may_settle_where_they_are_not_ours(seconds: int, own: bool, fine: bool) -> None:  # noqa: FBT001 - a row of the table
    """GP509: the books of a service of others lag a little; ours never do."""
    (plan,) = (plan for plan in build_corpus(MODELS) if plan.name == "a video from 202 to its file")
    target = InProcessTarget(own=own, wrap=costs_that_lag(timedelta(seconds=seconds)))
    verdict = judge_check(find_check("GP509"), [target.run(plan)], own=own)
    assert (verdict.applied > 0, verdict.broken) == (True, not fine)


def test_a_reset_is_no_refusal_of_what_is_too_large() -> None:
    """GP211: a connection that ends without an answer would be tried again."""
    history = run("images: too large")
    reset = replace(
        history,
        exchanges=tuple(
            replace(each, status=0, body=b"") if each.fault == "too-large" else each
            for each in history
        ),
    )
    assert not broken("GP211", history)
    assert broken("GP211", reset)


def test_what_a_range_holds_is_recorded() -> None:
    """GP510: which dates stand in a range up to midnight, and where clocks change."""
    (noted,) = judge_check(find_check("GP510"), [run("ranges of costs")]).notes
    assert "until midnight: 2026-03-01 to 2026-03-02" in noted
    assert "summer time: 2026-03-27 to 2026-03-29" in noted


def test_nothing_is_judged_by_an_empty_history() -> None:
    """A check without anything to look at is VOID, never PASS."""
    for check in PROVIDER_CHECKS:
        assert judge_check(check, []).status == "VOID"


def test_fake_and_other_are_compared_step_by_step() -> None:
    """GE: the fake equals itself, and differs from providers that differ.

    GE902 finds nothing alone: what the fake answers fits the schemas, which say the type of each
    field, so that another type is another verdict of the schema, too (GE901).
    """
    fakes = tuple(InProcessTarget().run(plan) for plan in R0)
    assert not breaking(Comparison(fake=fakes, other=tuple(InProcessTarget().run(p) for p in R0)))
    for fault, ids in {
        "balance-without-key": {"GE901"},
        "catalogue-prices-are-numbers": {"GE901", "GE902"},
        "rates-unordered": {"GE905"},
        "wrong-methods-are-404": set(),
        "errors-are-text-html": set(),
    }.items():
        target = InProcessTarget(wrap=BY_NAME[fault].wrap)
        other = Comparison(fake=fakes, other=tuple(target.run(plan) for plan in R0))
        assert breaking(other) == ids, fault


def test_decisions_about_inputs_are_compared_both_ways() -> None:
    """GE903 sees any difference, GE910 only what the fake accepts and the other does not.

    Neither finds anything alone: accepted and refused are two classes of status (GE901).
    """
    name = "z-image-turbo: what it supports"
    strict = Comparison(fake=(run(name),), other=(run(name, "refuses-a-listed-resolution"),))
    assert breaking(strict) == {"GE901", "GE903", "GE910"}
    name = "images: values outside of the lists"
    lenient = Comparison(fake=(run(name),), other=(run(name, "jpg-is-jpeg"),))
    assert breaking(lenient) == {"GE901", "GE903"}


def test_headers_verdicts_claims_and_ages_are_compared() -> None:
    """GE904 to GE909, each with something that breaks it and nothing else."""
    name = "a video from 202 to its file"
    fake = (run(name),)
    assert breaking(Comparison(fake=fake, other=(run(name, "no-rate-headers"),))) == {"GE904"}
    verdicts = Comparison(fake_broken={"GP1": False}, other_broken={"GP1": True})
    assert breaking(verdicts) == {"GE906"}
    assert breaking(Comparison(claims={"error": "rumour"})) == {"GE907"}
    now = datetime(2026, 9, 1, tzinfo=UTC)
    old = Comparison(observed={"GP407": now - timedelta(days=181)}, now=now)
    assert breaking(old) == {"GE908"}
    assert not breaking(replace(old, observed={"GP407": now - timedelta(days=179)}))
    assert breaking(Comparison(fake=fake, other=(run(name, "link-born-expired"),))) == {"GE909"}


def test_every_claim_of_the_schemas_has_its_evidence() -> None:
    """GE907 on what is shipped."""
    evidence = load_shipped_evidence()
    made = collect_claims(evidence, PROVIDER_CHECKS)
    assert len(made) > 400
    assert (
        judge_check(find_check("GE907"), [Comparison(claims=made, cited=evidence.seen)]).status
        == "PASS"
    )


def test_oddities_are_legal_and_are_met() -> None:
    """GE911, GH001, GH002: whatever the fake is told to show, the API could show."""
    histories = tuple(InProcessTarget().run(plan) for plan in build_corpus(MODELS) if plan.rules)
    assert len(histories) >= 6
    for name in ("GH001", "GH002"):
        assert judge_check(find_check(name), [SelfCheck(histories=histories)]).status == "PASS"
    assert judge_check(find_check("GE911"), [Comparison(fake=histories)]).status == "PASS"
    assert breaking(SelfCheck(histories=(replace(histories[0], hits={}),))) == {"GH002"}


def test_a_fault_that_no_api_could_show_is_found() -> None:
    """GE911 and GH001: an answer of the wrong shape is no legal oddity."""
    rule = json.dumps({"on": "models.list", "answer": {"status": 200, "body": {"models": []}}})
    history = InProcessTarget().run(Plan(name="x", steps=(get("/v2/models"),), rules=(rule,)))
    assert breaking(Comparison(fake=(history,))) == {"GE911"}
    assert breaking(SelfCheck(histories=(history,))) == {"GH001"}


def test_drawn_data_is_as_it_is_meant() -> None:
    """GH006: by two validators."""
    drawn = tuple(draw_plans(MODELS, seed=5, count=60))
    verdict = judge_check(find_check("GH006"), [SelfCheck(plans=(*build_corpus(MODELS), *drawn))])
    assert verdict.status == "PASS"
    assert verdict.applied > 300
    unlike = post("image", {"model": "m"}, valid=True)
    assert breaking(SelfCheck(plans=(Plan(name="x", steps=(unlike,)),))) == {"GH006"}


def test_the_harness_finds_its_own_faults() -> None:
    """GH003 to GH010, each with something that breaks it and nothing else."""
    history = run("the catalogue")
    unfounded = Finding(history=history, observation=Observation((1,), "this", "that"))
    for name, examination in {
        "GH003": SelfCheck(findings=((find_check("GP801"), unfounded),)),
        "GH004": SelfCheck(replays={"GP801": (90, 100)}),
        "GH005": SelfCheck(gate=(3, 2)),
        "GH008": SelfCheck(runs=({"GP801": "PASS"}, {"GP801": "FAIL"})),
        "GH009": SelfCheck(spends=((Decimal(2), Decimal(1)),)),
        "GH010": SelfCheck(artefacts={"page": "sk_secret_1"}, secrets=("sk_secret_1",)),
    }.items():
        assert breaking(examination) == {name}
    assert {check.id for check in registry.HARNESS} == {f"GH{n:03d}" for n in range(1, 11)}


def test_a_check_that_finds_nothing_alone_is_found() -> None:
    """GH007: the named fault must break this check only, and a check without one must have none."""
    sharp = SelfCheck(
        checks=("GP801",),
        kills={"x": frozenset({"GP801"}), "y": frozenset({"GP801", "GP101"})},
        sole={"GP801": "x"},
        kept={"a legal one": frozenset({"GP801"})},
    )
    assert not breaking(sharp)
    for blunt in (
        replace(sharp, sole={"GP801": "y"}),
        replace(sharp, sole={"GP801": "not there"}),
        replace(sharp, sole={}),
        replace(sharp, kept={"a legal one": frozenset({"GP101"})}),
        replace(sharp, false_positives=frozenset({"GP801"})),
    ):
        assert breaking(blunt) == {"GH007"}
    assert not breaking(replace(sharp, sole={}, kills={"y": frozenset({"GP801", "GP101"})}))


def test_a_shrunk_plan_still_shows_the_failure() -> None:
    """GH003: the smallest plan is run and judged once more, by the same check."""
    target = InProcessTarget(wrap=BY_NAME["total-is-not-the-product"].wrap)
    verdict = find_smallest_breach(find_check("GP501"), target, count=100)
    assert verdict is not None
    assert verdict.broken
    sent = [e for e in verdict.findings[0].history if e.submits]
    assert len(sent) == 1
    assert find_smallest_breach(find_check("GP501"), InProcessTarget(), count=10) is None


def test_a_video_may_be_looked_at_when_its_file_is_gone_already() -> None:
    """GP402: nobody knows when a link was given out by looking at it two days later."""
    video = post("video", build_small_request(find_cheapest(MODELS, "video")), name="v")
    look = get("/v2/videos/generations/{}", ref=Ref("v"))
    late = Plan(name="late", tier="R2", steps=(video, Wait(seconds=180_000), look), clock=True)
    history = InProcessTarget().run(late)
    assert history.results
    assert not broken("GP402", history)
    soon = Plan(name="soon", tier="R2", steps=(video, Poll(of="v")), clock=True)
    assert broken("GP402", InProcessTarget(wrap=BY_NAME["link-born-expired"].wrap).run(soon))


def test_a_failure_that_chance_found_is_told_by_its_smallest_plan() -> None:
    """What a fixed plan shows is told as it is; what only drawn ones show is shrunk first."""
    target = InProcessTarget(wrap=BY_NAME["total-is-not-the-product"].wrap)
    check, fixed = (
        find_check("GP501"),
        next(p for p in build_corpus(MODELS) if p.name == "images in every format"),
    )
    drawn = draw_plans(MODELS, seed=3, count=30)
    shrink = partial(find_smallest_breach, target=target, seed=3, count=30)
    for plans, submitted in ((drawn, 1), ([fixed, *drawn], len(fixed.submissions))):
        campaign = VerificationSession(target=target, plans=plans, checks=[check], shrink=shrink)
        failed = [event for event in campaign.run() if event["event"] == "verdict"]
        (history,) = {id(f.history): f.history for f in campaign.verdicts[0].findings}.values()
        assert failed[0]["status"] == "FAIL"
        assert len(history.plan.submissions) == submitted


def test_one_id_for_two_requests_is_a_merge_or_a_collision() -> None:
    """GP314 has what was asked for twice; GP304 the rest, and what nobody can tell any more."""
    merged = run("equal bodies are several generations", "deduplicates-bodies")
    assert broken("GP314", merged)
    assert not broken("GP304", merged)
    unknown = tuple(replace(each, request_body=None) for each in merged)
    assert broken("GP304", replace(merged, exchanges=unknown))


def test_a_known_failure_that_passes_fails_the_run(tmp_path: Path) -> None:
    """A list of known failures is kept honest: what is mended must leave it."""
    path = tmp_path / "known"
    path.write_text("GP407  signatures are ignored there\n# a comment\n\nGP801\n", encoding="utf-8")
    known = read_known_failures(path, [check.id for check in PROVIDER_CHECKS])
    assert known == {"GP407": "signatures are ignored there", "GP801": ""}
    plans = [plan for plan in build_corpus(MODELS) if plan.name == "an image and its file"]
    target = InProcessTarget(wrap=BY_NAME["any-signature"].wrap)
    checks = select_checks("GP407,GP401", PROVIDER_CHECKS)
    session = VerificationSession(target=target, plans=plans, checks=checks)
    events = list(apply_known_failures(session.run(), {"GP407": "known", "GP401": "mended"}))
    assert {e["id"]: e["status"] for e in events if e["event"] == "verdict"} == {
        "GP407": "XFAIL",
        "GP401": "XPASS",
    }
    assert events[-1]["ok"] is False


@pytest.mark.parametrize(
    ("body", "flaw"),
    [
        (b'{"a": 0.1}', ""),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a":1,"a":2}', "duplicate"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b"{", "no JSON"),
        (b"[" * 5000 + b"]" * 5000, "no JSON"),
    ],
)
def test_what_is_wrong_with_json_is_said(body: bytes, flaw: str) -> None:
    """The text of an answer is judged as much as its value; floats stay exact."""
    value, found = read_json(body)
    assert flaw in found
    if not flaw:
        assert value == {"a": Decimal("0.1")}


def test_a_shape_is_pointers_and_types() -> None:
    """Two answers have one shape when they differ in values only."""
    assert compute_shape({"a": [1, 2.5], "b": None}) == {
        ("", "object"),
        ("/a", "array"),
        ("/a/*", "number"),
        ("/b", "null"),
    }
