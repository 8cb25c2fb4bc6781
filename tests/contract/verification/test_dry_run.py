"""To which plans a check applies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.dry_run import (
    create_similar_fake,
    find_known_plans,
    find_relevant_plans,
    measure_relevant_plans,
    run_on_fake,
)
from getimg_mock.contract.verification.registry import EQUIVALENCE, PROVIDER_CHECKS, find_check
from getimg_mock.contract.verification.self_check import explain_verdict
from getimg_mock.contract.verification.session import VerificationSession
from getimg_mock.errors import CatalogueError
from tests.docs import plan_feeds

NAMES = {"an image and its file", "images in every format", "pictures of every size", "paths"}


def test_checks_apply_to_plans_whatever_the_size_of_pictures() -> None:
    """The dry run has pictures of one pixel, and finds the plans that real ones would feed."""
    models = load_shipped_models()
    plans = [plan for plan in build_corpus(models) if plan.name in NAMES]
    assert len(plans) == len(NAMES)
    real = [InProcessTarget().run(plan) for plan in plans]
    wanted = {
        check.id: {each.plan.name for each in real if judge_check(check, [each]).applied}
        for check in PROVIDER_CHECKS
    }
    found = measure_relevant_plans(PROVIDER_CHECKS, plans, models)
    assert found == wanted
    assert found["GP412"] == {"pictures of every size"}


@pytest.mark.slow
def test_what_is_written_down_is_what_is_measured() -> None:
    """A check or a plan that changes what it applies to, or holds, is measured anew."""
    written = plan_feeds.FILE.read_text(encoding="utf-8")
    assert written == plan_feeds.render_plan_feeds(), "run make docs"


@pytest.mark.parametrize("thorough", [True, False])
def test_plans_and_checks_of_ours_are_known(*, thorough: bool) -> None:
    """Nothing of them is run to know what they would tell; of what is another's, all is."""
    models = load_shipped_models()
    plans = build_corpus(models, thorough=thorough)
    known = find_known_plans(PROVIDER_CHECKS, plans, models)
    assert set(plans) <= known.keys()
    assert find_known_plans(PROVIDER_CHECKS, plans, models[1:]) == {}
    theirs = replace(find_check("GP801"), id="XP1")
    assert find_known_plans([theirs], plans, models) == {}


def test_a_plan_of_others_is_measured_beside_those_that_are_known() -> None:
    """A fixed plan with other steps is another plan, whatever its name."""
    models = load_shipped_models()
    catalogue = next(plan for plan in build_corpus(models) if plan.name == "the catalogue")
    empty = replace(catalogue, steps=())
    check = find_check("GP801")
    assert find_relevant_plans([check], [empty], models) == {"GP801": frozenset()}
    paths = next(plan for plan in build_corpus(models) if plan.name == "paths")
    found = find_relevant_plans([check], [paths, replace(catalogue, name="another")], models)
    assert found == {"GP801": frozenset({"another", "paths"})}


def test_a_service_is_not_compared_with_a_fake_that_cannot_have_its_catalogue() -> None:
    """A fake with other models differs everywhere, and that says nothing of the service."""
    odd = [model | {"supported_aspect_ratios": ["?"]} for model in load_shipped_models()]
    with pytest.raises(CatalogueError), create_similar_fake(odd):
        pass
    assert find_relevant_plans([find_check("GP302")], build_corpus(odd)[:3], odd)
    target = HttpTarget("http://127.0.0.1:9", {"a": "sk_a"}, models=odd)
    comparison, events = run_on_fake(VerificationSession(target, (), ()), Comparison())
    assert not comparison.pairs
    assert not events
    verdict = explain_verdict(judge_check(EQUIVALENCE[0], [comparison]), unlike=comparison.unlike)
    assert verdict.status == "SKIP"
    assert '"?" is not a ratio' in verdict.reason
