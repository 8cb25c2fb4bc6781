"""The fixed plans: every rule of the contract has at least one request that keeps or breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.provider.corpus import access, generations, inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.plans import Plan


def build_corpus(
    models: Sequence[ModelJson], limits: Mapping[str, int] | None = None
) -> tuple[Plan, ...]:
    """Return all fixed plans for a catalogue, the ones that can spend nothing first.

    `limits` are the requests a minute that a target says it allows, by kind; the fake is told.
    """
    found = (
        *access.build_plans(models, limits or {}),
        *generations.build_plans(models),
        *inputs.build_plans(models),
    )
    return tuple(sorted(found, key=lambda plan: plan.tier))
