"""How sharp the checks are: every faulty and every benign provider under all fixed plans."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.model_choice import load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, find_check
from getimg_mock.media.cache import MediaCache

if TYPE_CHECKING:
    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.verdicts import Check, Verdict
    from tests.contract.provider.mutants import Mutant
    from tests.contract.provider.wrapping import Wrap

_CACHE = MediaCache(256 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Score:
    """What the checks found of one provider: those that it broke, and those that it kept.

    `must` are those of the broken that are a MUST. `requests` and `dollars` are how many requests
    were sent, and what the provider charged for them, up to and with the first plan that shows
    something broken; None when nothing is.
    """

    name: str
    broken: tuple[str, ...]
    must: tuple[str, ...]
    kept: frozenset[str]
    requests: int | None
    dollars: Decimal | None


@cache
def plans() -> tuple[Plan, ...]:
    """Return the fixed plans for the shipped catalogue."""
    return build_corpus(tuple_models())


@cache
def _models() -> tuple[dict[str, Any], ...]:
    return tuple(load_shipped_models())


def tuple_models() -> list[dict[str, Any]]:
    """Return the shipped catalogue, read once."""
    return list(_models())


def create_target(wrap: Wrap | None, settings: tuple[tuple[str, Any], ...] = ()) -> InProcessTarget:
    """Return a provider in process: the fake, or a faulty one around it."""
    return InProcessTarget(wrap=wrap, settings=dict(settings), cache=_CACHE, models=tuple_models())


def histories(wrap: Wrap | None, settings: tuple[tuple[str, Any], ...] = ()) -> list[History]:
    """Run all fixed plans against a provider."""
    target = create_target(wrap, settings)
    return [target.run(plan) for plan in plans()]


def verdicts(found: list[History]) -> list[Verdict]:
    """Judge histories by every provider check."""
    return [judge_check(check, found) for check in PROVIDER_CHECKS]


@cache
def run_fake() -> tuple[History, ...]:
    """Return what the fake itself does under the fixed plans."""
    return tuple(histories(None))


@cache
def _list_applied(check: Check) -> frozenset[str]:
    """Return the names of the plans whose history with the fake has a place for the check."""
    tried = (each for each in run_fake() if judge_check(check, [each]).applied)
    return frozenset(each.plan.name for each in tried)


def is_found(mutant: Mutant) -> bool:
    """Return whether a faulty provider breaks the check that it was written from.

    It runs plan after plan until one shows the breach, first those that the check applies to.
    """
    check = find_check(mutant.breaks)
    applied = _list_applied(check)
    target = create_target(mutant.wrap, mutant.settings)
    found = []
    for plan in sorted(plans(), key=lambda plan: plan.name not in applied):
        found.append(target.run(plan))
        if judge_check(check, found[-1:]).broken:
            return True
        if len(found) == len(applied) and judge_check(check, found).broken:
            return True
    return judge_check(check, found).broken


def find_broken(mutant: Mutant) -> tuple[str, ...]:
    """Return the ids of the checks that a faulty provider breaks, the same as `scored` finds.

    A judge is a pure function of a history, and the fake breaks nothing, which has a test of its
    own: histories that equal the fake's are judged only together with others.
    """
    found = histories(mutant.wrap, mutant.settings)
    fakes = zip(found, run_fake(), strict=True)
    changed = [each for each, by_fake in fakes if each != by_fake]
    return tuple(
        check.id
        for check in PROVIDER_CHECKS
        if judge_check(check, found if check.across else changed).broken
    )


def scored(mutant: Mutant) -> Score:
    """Return what the checks find of a faulty provider."""
    return score(mutant.name, mutant.wrap, mutant.settings)


def score(name: str, wrap: Wrap | None, settings: tuple[tuple[str, Any], ...] = ()) -> Score:
    """Return what the checks find of any provider."""
    found = histories(wrap, settings)
    judged_all = verdicts(found)
    broken = [each for each in judged_all if each.broken]
    guilty = {id(finding.history) for each in broken for finding in each.findings}
    requests, dollars = 0, Decimal(0)
    for history in found:
        requests += len(history.exchanges)
        dollars += sum(
            effect.amount or 0
            for each in history
            for effect in each.effects or ()
            if effect.what == "charge"
        )
        if id(history) in guilty:
            break
    return Score(
        name,
        tuple(each.check.id for each in broken),
        tuple(each.check.id for each in broken if each.check.level == "MUST"),
        frozenset(e.check.id for e in judged_all if e.applied and not e.broken),
        requests if broken else None,
        dollars if broken else None,
    )
