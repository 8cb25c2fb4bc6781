"""The fixed plans: every rule of the contract has at least one request that keeps or breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.corpus import doors, inputs, lives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.corpus.choices import Model
    from getimg_mock.contract.plans import Plan


def corpus(models: Sequence[Model]) -> tuple[Plan, ...]:
    """Return all fixed plans for a catalogue, the ones that can spend nothing first."""
    found = (*doors.plans(models), *lives.plans(models), *inputs.plans(models))
    return tuple(sorted(found, key=lambda plan: plan.tier))
