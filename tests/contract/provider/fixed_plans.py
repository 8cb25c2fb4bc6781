"""Runs the fixed plans of the provider contract by name, for tests of single checks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.registry import find_check
from tests.contract.provider.everyone import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.verification.self_check import SelfCheck

MODELS = load_shipped_models()


def is_broken(check_id: str, subject: Any) -> bool:
    """Return whether a check finds a breach in its subject."""
    return judge_check(find_check(check_id), [subject]).broken


def find_broken(subject: Comparison | SelfCheck) -> set[str]:
    """Return the checks of its kind that find a breach in a subject."""
    checks = registry.EQUIVALENCE if isinstance(subject, Comparison) else registry.HARNESS
    return {check.id for check in checks if judge_check(check, [subject]).broken}


@cache
def index_plans() -> Mapping[str, Plan]:
    """Return the fixed plans by name."""
    return {plan.name: plan for plan in build_corpus(MODELS)}


@cache
def run_plan(name: str, fault: str | None = None) -> History:
    """Run one fixed plan, by name, against the fake or a faulty provider.

    Once: a history is a value, and worlds of one seed give the same.
    """
    plan = index_plans()[name]
    return InProcessTarget(wrap=BY_NAME[fault].wrap if fault else None).run(plan)
