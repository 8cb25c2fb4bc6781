"""The fixed plans: every rule of the contract has at least one request that keeps or breaks it."""

from __future__ import annotations

from dataclasses import replace
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
from getimg_mock.contract.steps import Poll, Send, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Step


def build_corpus(
    models: Sequence[ModelJson],
    limits: Mapping[str, int] | None = None,
    *,
    thorough: bool = True,
) -> tuple[Plan, ...]:
    """Return all fixed plans for a catalogue, the ones that can spend nothing first.

    Those that may run concurrently come last, before those that use up limits: by then, money was
    looked at. Before them come those that leave videos behind, for which another would wait, and
    before these images, for which no slot would be left. What ends with many files comes as soon as
    the money of images was looked at: the files are loaded while other plans wait for videos.

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
    if thorough:
        return tuple(sorted(plans, key=_rank))
    return share_waits(sorted(map(_put_files_last, plans), key=_rank))


def _put_files_last(plan: Plan) -> Plan:
    """Return a plan that may run beside others with its downloads last, if it waits for nothing."""
    names = [step.name for step in plan.steps if isinstance(step, Send) and step.name]
    waits = not all(isinstance(step, Send) for step in plan.steps)
    if not plan.concurrent or waits or len(set(names)) < len(names):
        return plan
    return replace(plan, steps=tuple(sorted(plan.steps, key=_loads_a_file)))


def _loads_a_file(step: Step) -> bool:
    return isinstance(step, Send) and step.link


def _rank(plan: Plan) -> tuple[int, str, int]:
    """Return the turn of a plan, for which `build_corpus` has the reasons."""
    waits = any(isinstance(step, Poll | Wait) for step in plan.steps)
    videos = any(map(begins_video, plan.steps))
    leaves = plan.tier == "R2" and not waits and not plan.reads_balance
    if plan.tier == "R3":
        stage = 4
    elif plan.concurrent:
        stage = 1 if plan.ends_with_files else 3
    else:
        stage = 2 if plan.tier == "R2" and (waits or videos or leaves) else 0
    return stage, plan.tier, (2 if videos else 1) if leaves else 0
