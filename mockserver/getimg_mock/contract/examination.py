"""What is known about a run itself, for the harness to judge itself by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from getimg_mock.contract.campaign import verdict_event, written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from getimg_mock.contract.budget import Budget
    from getimg_mock.contract.campaign import Campaign
    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.verdicts import Check, Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The parts of a run that the harness's own checks look at; what is absent is not judged."""

    histories: tuple[History, ...] = ()
    plans: tuple[Plan, ...] = ()
    findings: tuple[tuple[Check, Finding], ...] = ()
    replays: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """How often a failure showed again, of how many replays."""
    gate: tuple[int, int] | None = None
    """Requests that left, and requests that the budget saw."""
    kills: Mapping[str, frozenset[str]] | None = None
    """Which checks each faulty provider breaks."""
    checks: tuple[str, ...] = ()
    false_positives: frozenset[str] = frozenset()
    runs: tuple[Mapping[str, str], ...] = ()
    """The verdicts of the same run in other orders and with other seeds."""
    spends: tuple[tuple[Decimal, Decimal], ...] = ()
    """What was spent, and the ceiling."""
    beyond: Mapping[str, Decimal] = field(default_factory=dict)
    """By how much the balance of each key fell, or its costs grew, beyond what is booked."""
    artefacts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def examined(campaign: Campaign, budget: Budget | None) -> Examination:
    """Return what a campaign that was run, under a budget or none, lets the harness judge."""
    failures = "".join(written(verdict_event(each) for each in campaign.verdicts))
    return Examination(
        histories=tuple(campaign.histories),
        plans=tuple(campaign.plans),
        findings=tuple((v.check, finding) for v in campaign.verdicts for finding in v.findings),
        gate=(budget.left, budget.requests) if budget is not None else None,
        spends=budget.spends() if budget is not None else (),
        beyond=budget.beyonds() if budget is not None else {},
        artefacts={"the failures": failures},
        secrets=tuple({secret for h in campaign.histories for _, secret in h.secrets}),
    )
