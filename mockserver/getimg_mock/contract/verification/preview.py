"""Previewing a verification of a provider: its plans and what each could cost, nothing bought."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from getimg_mock.contract.prices import compute_plan_price, select_affordable
from getimg_mock.contract.verification.preparation import prepare_run
from getimg_mock.contract.verification.registry import ALL_BUT_CLIENT_CHECKS, select_checks

if TYPE_CHECKING:
    from getimg_mock.contract.plans import Plan, Price
    from getimg_mock.contract.verification.preparation import ProviderOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedPlan:
    """A plan with its price; `obstacle` says why it would be left out, if it would."""

    plan: Plan
    price: Price
    obstacle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderPreview:
    """What `verify_provider` would run.

    `total` is the most, in US dollars, that the plans which generate can cost. `reads` counts the
    requests that were sent to learn of models and limits; None for the fake.
    """

    plans: tuple[PricedPlan, ...]
    total: Decimal
    reads: int | None = None

    @property
    def runnable(self) -> tuple[PricedPlan, ...]:
        """The plans that would be run."""
        return tuple(each for each in self.plans if not each.obstacle)


def preview_provider(options: ProviderOptions, *, only: str | None = None) -> ProviderPreview:
    """Return the plans that `verify_provider` would run, with prices; sends nothing that costs.

    Raises what `verify_provider` raises before its first plan.
    """
    run = prepare_run(options, select_checks(only, ALL_BUT_CLIENT_CHECKS), paid=False)
    left = Decimal("Infinity")
    if run.budget is not None:
        left = run.budget.ceiling - run.budget.record.today
    obstacles = {plan.name: run.target.find_obstacle(plan) for plan in run.plans}
    runnable = [plan for plan in run.plans if not obstacles[plan.name]]
    chosen, skipped = select_affordable(runnable, run.target.models, left)
    obstacles |= {plan.name: why for plan, why in skipped}
    prices = {plan.name: compute_plan_price(plan, run.target.models) for plan in run.plans}
    generating = [prices[plan.name] for plan in chosen if plan.tier >= "R2"]
    return ProviderPreview(
        plans=tuple(
            PricedPlan(plan=plan, price=prices[plan.name], obstacle=obstacles[plan.name])
            for plan in run.plans
        ),
        total=sum((Decimal(each.worst or 0) for each in generating), Decimal(0)),
        reads=run.budget.requests if run.budget is not None else None,
    )
