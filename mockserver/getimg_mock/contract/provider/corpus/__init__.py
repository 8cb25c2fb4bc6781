"""The fixed plans: every rule of the contract has at least one request that keeps or breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.plans import begins_video
from getimg_mock.contract.provider.corpus import (
    body_plans,
    cost_range_plans,
    field_plans,
    generation_plans,
    key_plans,
    link_plans,
    price_plans,
    rate_limit_plans,
    reference_plans,
    repeated_plans,
    routing_plans,
    simultaneous_plans,
    transfer_plans,
)
from getimg_mock.contract.provider.corpus.shared_waits import share_waits
from getimg_mock.contract.steps import Poll, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.plans import Plan


def build_corpus(
    models: Sequence[ModelJson],
    limits: Mapping[str, int] | None = None,
    *,
    thorough: bool = True,
) -> tuple[Plan, ...]:
    """Return all fixed plans for a catalogue, the ones that can spend nothing first.

    Those that may run concurrently come last, before those that use up limits: by then, money was
    looked at. Before them come those that leave videos behind, for which another would wait, and
    images that are made meanwhile.

    `limits` are the requests a minute that a target says it allows, by kind; a fake gets its own.
    `thorough` plans buy every combination of the price list, and equal generations many times: for
    a fake, where neither money nor time is real.
    """
    plans = (
        *routing_plans.build_plans(models),
        *key_plans.build_plans(models),
        *rate_limit_plans.build_plans(models, limits or {}, thorough=thorough),
        *generation_plans.build_plans(models, thorough=thorough),
        *repeated_plans.build_plans(models, thorough=thorough),
        *link_plans.build_plans(models),
        *price_plans.build_plans(models, thorough=thorough),
        *cost_range_plans.build_plans(),
        *field_plans.build_plans(models, thorough=thorough),
        *body_plans.build_plans(models),
        *transfer_plans.build_plans(models),
        *reference_plans.build_plans(models),
        *simultaneous_plans.build_plans(models),
    )
    found = sorted(plans, key=_rank)
    return tuple(found) if thorough else share_waits(found)


def _rank(plan: Plan) -> tuple[bool, bool, str, int]:
    """Return the turn of a plan, for which `build_corpus` has the reasons."""
    waits = any(isinstance(step, Poll | Wait) for step in plan.steps)
    if waits or plan.reads_balance or plan.tier != "R2":
        turn = 0
    else:
        turn = 1 if any(map(begins_video, plan.steps)) else 2
    return plan.tier == "R3", plan.concurrent, plan.tier, turn
