"""The checks of the contract tests themselves (GH), each with what breaks it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from getimg_mock.contract.plans import Plan, post
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.plan_drawing import draw_plans
from getimg_mock.contract.verdicts import Finding, Observation, judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.registry import find_check
from getimg_mock.contract.verification.self_check import SelfCheck
from tests.contract.provider.fixed_plans import MODELS, find_broken, run_plan


def test_drawn_data_is_as_it_is_meant() -> None:
    """GH006: by two validators."""
    drawn = tuple(draw_plans(MODELS, seed=5, count=60))
    verdict = judge_check(find_check("GH006"), [SelfCheck(plans=(*build_corpus(MODELS), *drawn))])
    assert verdict.status == "PASS"
    assert verdict.applied > 300
    unlike = post("image", {"model": "m"}, valid=True)
    assert find_broken(SelfCheck(plans=(Plan(name="x", steps=(unlike,)),))) == {"GH006"}


def test_the_harness_finds_its_own_faults() -> None:
    """GH003 to GH010, each with something that breaks it and nothing else."""
    history = run_plan("the catalogue")
    unfounded = Finding(history=history, observation=Observation((1,), "this", "that"))
    for name, examination in {
        "GH003": SelfCheck(findings=((find_check("GP801"), unfounded),)),
        "GH004": SelfCheck(replays={"GP801": (90, 100)}),
        "GH005": SelfCheck(gate=(3, 2)),
        "GH008": SelfCheck(runs=({"GP801": "PASS"}, {"GP801": "FAIL"})),
        "GH009": SelfCheck(spends=((Decimal(2), Decimal(1)),)),
        "GH010": SelfCheck(artefacts={"page": "sk_secret_1"}, secrets=("sk_secret_1",)),
    }.items():
        assert find_broken(examination) == {name}
    assert {check.id for check in registry.HARNESS} == {f"GH{n:03d}" for n in range(1, 11)}


def test_a_check_that_finds_nothing_alone_is_found() -> None:
    """GH007: the named fault must break this check only, and a check without one must have none."""
    sharp = SelfCheck(
        checks=("GP801",),
        kills={"x": frozenset({"GP801"}), "y": frozenset({"GP801", "GP101"})},
        sole={"GP801": "x"},
        kept={"a legal one": frozenset({"GP801"})},
    )
    assert not find_broken(sharp)
    for blunt in (
        replace(sharp, sole={"GP801": "y"}),
        replace(sharp, sole={"GP801": "not there"}),
        replace(sharp, sole={}),
        replace(sharp, kept={"a legal one": frozenset({"GP101"})}),
        replace(sharp, false_positives=frozenset({"GP801"})),
    ):
        assert find_broken(blunt) == {"GH007"}
    assert not find_broken(replace(sharp, sole={}, kills={"y": frozenset({"GP801", "GP101"})}))


def test_a_key_that_could_be_a_word_is_no_leak() -> None:
    """GH010: `good` stands in every report; the verdict says that it was not looked for."""
    check = registry.find_check("GH010")
    short = SelfCheck(artefacts={"page": "a good page"}, secrets=("good",))
    verdict = judge_check(check, [short])
    assert not verdict.broken
    assert "was not looked for" in verdict.notes[0]
    inside = SelfCheck(artefacts={"page": "goodnight12"}, secrets=("goodnight1",))
    assert not judge_check(check, [inside]).broken
    whole = SelfCheck(artefacts={"page": "Bearer goodnight1."}, secrets=("goodnight1",))
    assert judge_check(check, [whole]).broken


def test_a_failed_video_shows_no_defaults() -> None:
    """GP807: a generation that failed has no size to compare."""
    history = run_plan("what is left out")
    pair = next(group for name, group in history.groups.items() if name.startswith("default:"))
    broken = {
        each.generation: b'{"id": "x", "status": "failed", "error": {"code": "server_error"}}'
        for each in pair
        if each.use == "omitted"
    }
    other = replace(
        history,
        exchanges=tuple(
            replace(each, body=broken[each.generation])
            if each.generation in broken and each.completed
            else each
            for each in history
        ),
    )
    assert not judge_check(registry.find_check("GP807"), [other]).broken


def test_what_all_histories_show_together_is_shown_again_by_all() -> None:
    """GH003: a breach that only their comparison shows is in none of them alone."""
    first, second = run_plan("the catalogue"), run_plan("paths")
    seen = Observation((1,), "the same costs", "others")
    compared = replace(
        find_check("GP509"), judge=lambda _: (), across=lambda found: [(found[1], seen)]
    )
    for shown, broken in ((second, set()), (first, {"GH003"})):
        findings = ((compared, Finding(history=shown, observation=seen)),)
        assert find_broken(SelfCheck(histories=(first, second), findings=findings)) == broken
