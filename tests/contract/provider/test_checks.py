"""The register of checks, and what single checks of a provider demand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.json_reading import read_json
from getimg_mock.contract.model_choice import (
    build_small_request,
    find_cheapest,
)
from getimg_mock.contract.plans import Plan, get, post
from getimg_mock.contract.provider.plan_drawing import draw_plans, find_smallest_breach
from getimg_mock.contract.steps import Poll, Ref, Wait
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import find_breach_status, judge_check
from getimg_mock.contract.verification.registry import (
    ALL_BUT_CLIENT_CHECKS,
    PROVIDER_CHECKS,
    find_check,
    select_checks,
)
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.errors import UnknownNameError
from getimg_mock.reports.known_failures import apply_known_failures, read_known_failures
from tests.contract.provider.benign import BENIGN
from tests.contract.provider.everyone import BY_NAME
from tests.contract.provider.faulty_costs import costs_that_lag
from tests.contract.provider.fixed_plans import MODELS, index_plans, is_broken, run_plan

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.contract.verdicts import Check


def test_the_whole_catalogue_is_there() -> None:
    """The numbers of the catalogue, none reused, none missing."""
    counts = {
        "GP1": 16,
        "GP2": 16,
        "GP3": 15,
        "GP4": 13,
        "GP5": 13,
        "GP6": 7,
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
    check = find_check("GP704")
    assert find_breach_status(check, own=True) == "FAIL"
    assert find_breach_status(check, own=False) == "INFO"
    assert find_breach_status(check, own=False, confirmed=True) == "FAIL"


def test_what_no_service_may_do_fails_everywhere() -> None:
    """Common sense needs no documentation: money, others' data, ids and results that change."""
    sense = {each.id for each in PROVIDER_CHECKS if each.evidence == "common-sense"}
    assert sense == {
        "GP216",
        "GP304",
        "GP305",
        "GP309",
        "GP313",
        "GP410",
        "GP411",
        "GP412",
        "GP413",
        "GP504",
        "GP505",
        "GP506",
        "GP507",
        "GP509",
        "GP512",
        "GP605",
        "GP702",
        "GP705",
        "GP706",
    }
    assert {find_breach_status(find_check(each), own=False) for each in sense} == {"FAIL"}


def test_a_judge_that_cannot_read_an_answer_finds_it_wrong() -> None:
    """An answer of any form at all never breaks the harness."""
    history = run_plan("the catalogue")
    strange = replace(
        history,
        exchanges=tuple(
            replace(each, body=b'[{"pricing": 5, "id": [], "supported_references": null}]')
            for each in history
        ),
    )
    for check in PROVIDER_CHECKS:
        judge_check(check, [strange])
    assert is_broken("GP801", strange)


def test_drift_is_recorded_at_any_depth() -> None:
    """GP115: a field beyond the schema is named with its place, in a list and in a union too."""
    variant = next(each for each in BENIGN if each.name == "unknown fields everywhere")
    plans = [
        plan
        for plan in index_plans().values()
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
    plan = index_plans()[name]
    first, again, other = (
        InProcessTarget(own=False, seed=seed).run(plan) for seed in ("0", "0", "1729")
    )
    check = find_check("GP304")
    verdict = judge_check(check, [first, again], own=False)
    assert [finding.history for finding in verdict.findings] == [again]
    assert not judge_check(check, [first, other], own=False).broken
    assert not judge_check(check, [run_plan(name), run_plan(name)]).broken


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
    plan = index_plans()["a video from 202 to its file"]
    target = InProcessTarget(own=own, wrap=costs_that_lag(timedelta(seconds=seconds)))
    verdict = judge_check(find_check("GP509"), [target.run(plan)], own=own)
    assert (verdict.applied > 0, verdict.broken) == (True, not fine)


def test_a_reset_is_no_refusal_of_what_is_too_large() -> None:
    """GP211: a connection that ends without an answer would be tried again."""
    history = run_plan("images: too large")
    reset = replace(
        history,
        exchanges=tuple(
            replace(each, status=0, body=b"") if each.fault == "too-large" else each
            for each in history
        ),
    )
    assert not is_broken("GP211", history)
    assert is_broken("GP211", reset)


def test_what_a_range_holds_is_recorded() -> None:
    """GP510: which dates stand in a range up to midnight, and where clocks change."""
    (noted,) = judge_check(find_check("GP510"), [run_plan("ranges of costs")]).notes
    assert "until midnight: 2026-03-01 to 2026-03-02" in noted
    assert "summer time: 2026-03-27 to 2026-03-29" in noted


def test_nothing_is_judged_by_an_empty_history() -> None:
    """A check without anything to look at is VOID, never PASS."""
    for check in PROVIDER_CHECKS:
        assert judge_check(check, []).status == "VOID"


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
    assert not is_broken("GP402", history)
    soon = Plan(name="soon", tier="R2", steps=(video, Poll(of="v")), clock=True)
    assert is_broken("GP402", InProcessTarget(wrap=BY_NAME["link-born-expired"].wrap).run(soon))


def test_a_failure_that_chance_found_is_told_by_its_smallest_plan() -> None:
    """What a fixed plan shows is told as it is; what only drawn ones show is shrunk first."""
    target = InProcessTarget(wrap=BY_NAME["total-is-not-the-product"].wrap)
    check, fixed = (
        find_check("GP501"),
        index_plans()["images in every format"],
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
    merged = run_plan("many equal videos", "deduplicates-bodies")
    assert is_broken("GP314", merged)
    assert not is_broken("GP304", merged)
    unknown = tuple(replace(each, request_body=None) for each in merged)
    assert is_broken("GP304", replace(merged, exchanges=unknown))


def test_a_known_failure_that_passes_fails_the_run(tmp_path: Path) -> None:
    """A list of known failures is kept honest: what is mended must leave it."""
    path = tmp_path / "known"
    path.write_text("GP407  signatures are ignored there\n# a comment\n\nGP801\n", encoding="utf-8")
    known = read_known_failures(path, [check.id for check in PROVIDER_CHECKS])
    assert known == {"GP407": "signatures are ignored there", "GP801": ""}
    plans = [index_plans()["an image and its file"]]
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
