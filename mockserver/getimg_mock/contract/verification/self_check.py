"""Facts about a run itself, which the checks of the harness judge."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.steps import Send
from getimg_mock.contract.targets.fake_targets import InProcessTarget
from getimg_mock.contract.verdicts import Check, judge_check
from getimg_mock.contract.verification.scenario_plans import run_scenarios_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from getimg_mock.contract.budget.gate import Budget
    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.verdicts import Finding, Verdict, VerdictStatus
    from getimg_mock.contract.verification.session import VerificationSession

REPLAYS: Final = 20
"""How often a failure of the fake in process is replayed."""

_MAX_REPLAYED: Final = 10
_SAMPLE_STEP: Final = 4
"""One plan in this many is run again, in another order and with another seed."""

_MOST_SENT: Final = 1 << 20
_MOST_FILES: Final = 4
"""Plans that send more bytes, or have more files drawn, are not run again: such few take as long as
all others of the sample, and show nothing else."""

_ABSENT_REASONS: Final[Mapping[str, tuple[VerdictStatus, str]]] = {
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
_NOTHING_TO_COMPARE: Final[tuple[VerdictStatus, str]] = (
    "SKIP",
    "the fake was compared with nothing: give a target (--target)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """The parts of a run that the checks of the harness judge; absent parts are not judged."""

    histories: tuple[History, ...] = ()
    plans: tuple[Plan, ...] = ()
    findings: tuple[tuple[Check, Finding], ...] = ()
    again: tuple[tuple[Check, History], ...] = ()
    """The history of a second run of the plan of a check's first finding."""
    replays: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """How often a failure showed again, and of how many replays, by check."""
    gate: tuple[int, int] | None = None
    """How many requests were sent, and how many of them passed the budget."""
    kills: Mapping[str, frozenset[str]] | None = None
    """Which checks each faulty provider breaks."""
    sole: Mapping[str, str] = field(default_factory=dict)
    """The faulty provider that each check alone finds; checks that can have none are not here."""
    kept: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Which checks were applied to each legal provider and held."""
    checks: tuple[str, ...] = ()
    false_positives: frozenset[str] = frozenset()
    runs: tuple[Mapping[str, str], ...] = ()
    """The verdicts of the run, in several orders and with several seeds."""
    spends: tuple[tuple[Decimal, Decimal], ...] = ()
    """The spend of each day, and what was left of its ceiling."""
    beyond: Mapping[str, Decimal] = field(default_factory=dict)
    """By how much the service took more than is booked, by key."""
    artefacts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


def collect_self_check(
    campaign: VerificationSession, budget: Budget | None, **more: Any
) -> SelfCheck:
    """Return the facts about a run; without a `budget`, the plans of drawn findings run again.

    On the fake in process, the plans of all shipped scenarios run too, each of the first failures
    is replayed, and a sample of the plans runs in reverse order with another seed.
    """
    inside = isinstance(campaign.target, InProcessTarget)
    tried = run_scenarios_once(campaign) if inside else ()
    return SelfCheck(
        histories=(*campaign.histories, *tried),
        plans=tuple(campaign.plans),
        findings=tuple((v.check, f) for v in campaign.verdicts for f in v.findings),
        again=_rerun_drawn_plans(campaign) if budget is None else (),
        replays=_replay_failures(campaign) if inside else {},
        runs=_run_twice(campaign) if inside else (),
        gate=(budget.left, budget.requests) if budget is not None else None,
        spends=budget.compute_daily_spend() if budget is not None else (),
        beyond=budget.compute_overruns() if budget is not None else {},
        secrets=tuple({secret for h in campaign.histories for _, secret in h.secrets}),
        **more,
    )


def explain_verdict(verdict: Verdict, *, alone: bool = False, unlike: str = "") -> Verdict:
    """Return a verdict on the fake or the harness, with the reason where nothing was judged.

    `alone` says that the fake was not compared with another target, and `unlike` why it cannot be.
    """
    if verdict.status != "VOID" or verdict.findings:
        return verdict
    usual = _NOTHING_TO_COMPARE if alone else ("VOID", "nothing that was exchanged can be compared")
    if unlike:
        usual = ("SKIP", f"the fake cannot have the catalogue of the other target: {unlike}")
    status, reason = _ABSENT_REASONS.get(verdict.check.id, usual)
    return replace(verdict, status=status, reason=verdict.reason or reason)


def _list_first_findings(campaign: VerificationSession) -> Iterable[tuple[Check, History]]:
    """Yield the history of the first finding of each broken check."""
    broken = [verdict for verdict in campaign.verdicts if verdict.broken]
    return [(each.check, each.findings[0].history) for each in broken[:_MAX_REPLAYED]]


def _rerun_drawn_plans(campaign: VerificationSession) -> tuple[tuple[Check, History], ...]:
    """Run the plan of each check's first finding again, if it was drawn."""
    return tuple(
        (check, campaign.target.run(history.plan))
        for check, history in _list_first_findings(campaign)
        if history.plan.drawn
    )


def _replay_failures(campaign: VerificationSession) -> dict[str, tuple[int, int]]:
    """Replay the first finding of each of the first broken checks."""
    target = campaign.target
    return {
        check.id: (
            sum(
                judge_check(check, [target.run(history.plan)], own=target.own).broken
                for _ in range(REPLAYS)
            ),
            REPLAYS,
        )
        for check, history in _list_first_findings(campaign)
    }


def _is_quick(plan: Plan) -> bool:
    sends = [step for step in plan.steps if isinstance(step, Send)]
    sent = sum(len(step.body or b"") for step in sends)
    return sent <= _MOST_SENT and len({step.ref for step in sends if step.link}) <= _MOST_FILES


def _run_twice(campaign: VerificationSession) -> tuple[Mapping[str, str], ...]:
    """Return the verdicts on a sample of the plans, as run and in reverse with another seed."""
    target = campaign.target
    sample = [each for each in campaign.histories[::_SAMPLE_STEP] if _is_quick(each.plan)]
    if not isinstance(target, InProcessTarget) or not sample:
        return ()
    other = replace(target, seed=f"not {target.seed}")
    reverse = [other.run(history.plan) for history in reversed(sample)]
    return tuple(
        {
            check.id: judge_check(check, found, own=target.own, observe=observe).status
            for check in campaign.checks
        }
        for found, observe in ((sample, campaign.observe), (reverse, Check.observe))
    )
