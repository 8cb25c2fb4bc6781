"""Preparing a verification of a provider: the target behind its budget, and the plans to run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.budget.gate import install_budget
from getimg_mock.contract.budget.spend_file import (
    SpendRecord,
    find_default_record,
    parse_amount,
)
from getimg_mock.contract.plans import TIERS
from getimg_mock.contract.provider.corpus import build_corpus
from getimg_mock.contract.provider.media_probe import require_decoder
from getimg_mock.contract.targets.first_looks import fetch_limits
from getimg_mock.contract.targets.http_target import MAX_WAIT, HttpTarget
from getimg_mock.contract.targets.lookup import find_target
from getimg_mock.contract.verification.dry_run import find_known_plans, find_relevant_plans
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.errors import BudgetError, SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.contract.budget.gate import Budget
    from getimg_mock.contract.budget.spend_file import Amount
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verdicts import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptions:
    """Which provider to verify, how far, and at what cost; `verify_provider` explains each."""

    target: str | Target = "fake"
    key: str | None = None
    second_key: str | None = None
    budget: Amount | None = None
    tier: str | None = None
    seed: int = 0
    random: int = 0
    wait: float = MAX_WAIT
    record: Path | str | None = None
    hold_assumptions: bool = False

    def __post_init__(self) -> None:
        """Raise `UnknownNameError` for an unknown tier."""
        if self.tier is not None and self.tier not in TIERS:
            raise UnknownNameError("tier", self.tier, TIERS)

    @property
    def is_shipped_fake(self) -> bool:
        """Whether the target is the fake as it ships, which is given by a name."""
        return isinstance(self.target, str)

    @property
    def target_name(self) -> str:
        """The target as the command line takes it, or as it calls itself."""
        return self.target if isinstance(self.target, str) else self.target.name


_OF_FILES: Final = "GP4"  # what the checks that decode files are called


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRun:
    """A verification that is ready to run: nothing that could cost was sent yet.

    `feeds` has the names of the plans that say something about each check, by its id, where only
    some checks of a service are asked for.
    """

    target: Target
    tier: str
    budget: Budget | None
    plans: Sequence[Plan]
    checks: Sequence[Check]
    feeds: Mapping[str, frozenset[str]]


def open_target(options: ProviderOptions) -> tuple[Target, str, Budget | None]:
    """Return the target, the tier to go to, and the budget before a target that may cost.

    Raises `SettingsError` for an unusable target or key, `BudgetError` where a budget is missing.
    """
    target = options.target
    if isinstance(target, str):
        target = find_target(
            target,
            key=options.key or os.environ.get("GETIMG_API_KEY"),
            second_key=options.second_key,
            seed=str(options.seed),
            wait=options.wait,
        )
    tier = options.tier or ("R3" if target.own else "R0")
    if not isinstance(target, HttpTarget) or target.own:
        return target, tier, None
    record = SpendRecord(
        Path(options.record) if options.record else find_default_record(*target.record_scope)
    )
    return target, tier, install_budget(target, _find_ceiling(options, tier), record)


def prepare_run(
    options: ProviderOptions, checks: Sequence[Check], *, paid: bool = True
) -> PreparedRun:
    """Return the target with the plans that say something about `checks`.

    Limits of a service are learned from the headers of a submission only if `paid`.
    """
    target, tier, budget = open_target(options)
    _require_both_kinds(target)
    limits = None
    if isinstance(target, HttpTarget) and not target.own and tier >= "R3":
        limits = fetch_limits(target, paid=paid)
    corpus = build_corpus(target.models, limits, thorough=target.own)
    plans = [plan for plan in corpus if plan.tier <= tier]
    plans += _draw_plans(options, target) if tier >= "R2" else []
    # A comparison or a self-check looks at the verdicts of every check, on every plan.
    judging = checks if set(checks) <= set(PROVIDER_CHECKS) else PROVIDER_CHECKS
    if tier >= "R2" and any(check.id.startswith(_OF_FILES) for check in judging):
        require_decoder()
    narrow = judging is checks and len(checks) < len(PROVIDER_CHECKS)
    if target.own:
        # To measure them would take as long as to run them all.
        narrow &= options.is_shipped_fake and _are_feeds_known(judging, plans, target)
    feeds = find_relevant_plans(judging, plans, target.models) if narrow else {}
    if feeds:
        wanted = frozenset().union(*feeds.values())
        plans = [plan for plan in plans if plan.name in wanted]
    return PreparedRun(
        target=target, tier=tier, budget=budget, plans=plans, checks=judging, feeds=feeds
    )


def _require_both_kinds(target: Target) -> None:
    kinds = {model.get("type") for model in target.models}
    for kind in ("image", "video"):
        if kind not in kinds:
            raise SettingsError(
                f"{target.name} lists no {kind} model with a ratio, a resolution and, for videos, "
                "a duration (GET /v2/models): the contract tries images and videos, so it needs a "
                "model of each."
            )


def _are_feeds_known(checks: Sequence[Check], plans: Sequence[Plan], target: Target) -> bool:
    """Whether it is known to which plans each check applies, and each looks at one plan alone."""
    if any(check.across for check in checks):
        return False
    return set(plans) <= find_known_plans(checks, plans, target.models).keys()


def _find_ceiling(options: ProviderOptions, tier: str) -> Decimal:
    if options.budget is not None:
        return parse_amount(options.budget)
    if tier == "R0":
        return Decimal(0)
    raise BudgetError(
        f"Tier {tier} can spend money there: set the most that may be spent (--budget USD), or use "
        "tier R0 (--tier R0)."
    )


def _draw_plans(options: ProviderOptions, target: Target) -> list[Plan]:
    if not options.random:
        return []
    from getimg_mock.contract.provider.plan_drawing import draw_plans  # noqa: PLC0415 - few use it

    return draw_plans(target.models, seed=options.seed, count=options.random)
