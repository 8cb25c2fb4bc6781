"""To which plans a check applies."""

from __future__ import annotations

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.dry_run import find_relevant_plans
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS

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
    found = find_relevant_plans(PROVIDER_CHECKS, plans, models)
    assert found == wanted
    assert found["GP412"] == {"pictures of every size"}
