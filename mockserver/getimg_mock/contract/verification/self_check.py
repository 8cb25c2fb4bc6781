"""What is known about a run itself, for the harness to judge itself by."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.targets.fake_targets import InProcess
from getimg_mock.contract.verdicts import judged
from getimg_mock.contract.verification.scenario_plans import met

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from getimg_mock.contract.budget.gate import Budget
    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.verdicts import Check, Finding, Status, Verdict
    from getimg_mock.contract.verification.session import Campaign

REPLAYS: Final = 20
"""How often a failure of the fake in process is replayed."""

_MOST_REPLAYED: Final = 10
_ONE_IN: Final = 4
"""One plan in so many is run again in another order, with another seed."""

_ABSENT: Final[Mapping[str, tuple[Status, str]]] = {
    "GH001": ("SKIP", "only a fake can be given faults"),
    "GH002": ("SKIP", "only a fake can be given faults"),
    "GH003": ("VOID", "nothing was found that could be judged again"),
    "GH004": ("VOID", "nothing was found that could be replayed"),
    "GH005": ("SKIP", "there is no budget, for nothing here can cost"),
    "GH006": ("VOID", "no plan submits anything"),
    "GH007": ("SKIP", "it is judged over all faulty providers: make scorecard"),
    "GH008": ("SKIP", "only the fake in process is run twice"),
    "GH009": ("SKIP", "there is no budget, for nothing here can cost"),
    "GH010": ("VOID", "no key was in use"),
    "GE907": ("VOID", "the fake makes no claim"),
    "GE908": ("VOID", "there is no evidence of the real service yet"),
    "GE911": ("SKIP", "no fault was tried"),
}
_NOTHING_ALIKE: Final[tuple[Status, str]] = ("VOID", "nothing exchanged can be compared")
_ALONE: Final[tuple[Status, str]] = ("SKIP", "the fake has nothing beside it: give --target")


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """The parts of a run that the harness's own checks look at; what is absent is not judged."""

    histories: tuple[History, ...] = ()
    plans: tuple[Plan, ...] = ()
    findings: tuple[tuple[Check, Finding], ...] = ()
    again: tuple[tuple[Check, History], ...] = ()
    """What the plan of a check's first finding left when it was run once more."""
    replays: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """How often a failure showed again, of how many replays."""
    gate: tuple[int, int] | None = None
    """Requests that left, and requests that the budget saw."""
    kills: Mapping[str, frozenset[str]] | None = None
    """Which checks each faulty provider breaks."""
    sole: Mapping[str, str] = field(default_factory=dict)
    """The faulty provider that each check finds alone; a check that is not here can have none."""
    kept: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Which checks each legal provider was put to and kept."""
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


def examination_of(campaign: Campaign, budget: Budget | None, **more: Any) -> Examination:
    """Return what is known about a run; where there is no `budget`, some of it is run again.

    On the fake in process everything that a shipped scenario can do is tried, each of the first
    failures is replayed, and a sample of the plans is run in reverse and with another seed.
    """
    inside = isinstance(campaign.target, InProcess)
    tried = met(campaign.target.models, str(campaign.seed)) if inside else ()
    return Examination(
        histories=(*campaign.histories, *tried),
        plans=tuple(campaign.plans),
        findings=tuple((v.check, f) for v in campaign.verdicts for f in v.findings),
        again=_again(campaign) if budget is None else (),
        replays=_replayed(campaign) if inside else {},
        runs=_run_twice(campaign) if inside else (),
        gate=(budget.left, budget.requests) if budget is not None else None,
        spends=budget.spends() if budget is not None else (),
        beyond=budget.beyonds() if budget is not None else {},
        secrets=tuple({secret for h in campaign.histories for _, secret in h.secrets}),
        **more,
    )


def explained(verdict: Verdict, *, alone: bool = False) -> Verdict:
    """Return a verdict on the fake or the harness; where nothing was judged, with the reason.

    `alone` says that the fake was compared with nothing.
    """
    if verdict.status != "VOID" or verdict.findings:
        return verdict
    status, reason = _ABSENT.get(
        verdict.check.id,
        _ALONE if alone else ("VOID", "nothing that was exchanged can be compared"),
    )
    return replace(verdict, status=status, reason=verdict.reason or reason)


def _firsts(campaign: Campaign) -> Iterable[tuple[Check, History]]:
    """Yield the first finding's history of each check that found something."""
    broken = [verdict for verdict in campaign.verdicts if verdict.broken]
    return [(each.check, each.findings[0].history) for each in broken[:_MOST_REPLAYED]]


def _again(campaign: Campaign) -> tuple[tuple[Check, History], ...]:
    """Run the plan of each check's first finding once more, if it was drawn."""
    return tuple(
        (check, campaign.target.run(history.plan))
        for check, history in _firsts(campaign)
        if history.plan.drawn
    )


def _replayed(campaign: Campaign) -> dict[str, tuple[int, int]]:
    """Replay the first failure of each of the first checks that failed."""
    target = campaign.target
    return {
        check.id: (
            sum(
                judged(check, [target.run(history.plan)], own=target.own).broken
                for _ in range(REPLAYS)
            ),
            REPLAYS,
        )
        for check, history in _firsts(campaign)
    }


def _run_twice(campaign: Campaign) -> tuple[Mapping[str, str], ...]:
    """Return the verdicts on a sample as it was run, and in reverse with another seed."""
    target = campaign.target
    sample = list(campaign.histories)[::_ONE_IN]
    if not isinstance(target, InProcess) or not sample:
        return ()
    other = replace(target, seed=f"not {target.seed}")
    reverse = [other.run(history.plan) for history in reversed(sample)]
    return tuple(
        {check.id: judged(check, found, own=target.own).status for check in campaign.checks}
        for found in (sample, reverse)
    )
