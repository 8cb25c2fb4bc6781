"""Run plans against one target and judge what it answered, as a stream of events.

A run writes nothing else; every report is a function of these events.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.provider.early_decoding import decode_early
from getimg_mock.contract.provider.final_costs import is_money_missing
from getimg_mock.contract.provider.final_looks import build_final_plan, build_later_plan
from getimg_mock.contract.targets.concurrent_plans import (
    begin_and_leave,
    can_run_concurrently,
    run_concurrently,
)
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verdict_events import CONTRACT_VERSION, build_verdict_event
from getimg_mock.contract.verdicts import find_breach_status, judge_check
from getimg_mock.contract.verification.idle_work import IdleWork
from getimg_mock.contract.verification.unjudged import describe_gaps, describe_untried
from getimg_mock.reports.known_failures import FAILING_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from getimg_mock.contract.history import History
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verdicts import Check, Observation, Verdict, VerdictStatus


@dataclass(slots=True)
class VerificationSession:
    """One run: these plans against this target, judged by these checks.

    `confirmed` has the ids of the assumptions that evidence of the real service confirms. `shrink`
    searches for a smaller plan that breaks a check which only drawn plans have broken.
    """

    target: Target
    plans: Sequence[Plan]
    checks: Sequence[Check]
    seed: int = 0
    confirmed: frozenset[str] = frozenset()
    hold_assumptions: bool = False
    """Whether a broken assumption fails on every target, not on the fake alone."""
    tier: str = ""
    """How far the plans go, where that leaves out checks that a service could be put to."""
    feeds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The names of the plans that say something about each check, by its id, if measured."""
    measure_feeds: Callable[
        [Sequence[Check], Sequence[Plan], Sequence[dict[str, Any]]],
        Mapping[str, frozenset[str]],
    ] = field(default=lambda *_: {})
    """Measures them, of some checks and plans: those that were not judged, or not run."""
    _measured: set[str] = field(default_factory=set)
    """The names of the plans whose feeds were measured."""
    _idle: IdleWork | None = None
    _loading: tuple[int, Iterator[History]] = field(default_factory=lambda: (0, iter(())))
    """The histories of plans that load files while others run, and where they were begun."""
    shrink: Callable[[Check], Verdict | None] | None = None
    histories: list[History] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    scenarios: tuple[History, ...] | None = None
    """The histories of the plans of all shipped scenarios, once they have run on the fake."""
    follow: Callable[[History], object] | None = None
    """Called with each history while the run waits for something later; not in all runs."""
    _observed: dict[tuple[str, int], list[Observation]] = field(default_factory=dict)
    """What a check sees in a history of `histories`, by the id of the check and of the object."""

    @property
    def models(self) -> Sequence[dict[str, Any]]:
        """The catalogue of the target."""
        return self.target.models

    def run(self) -> Iterator[dict[str, Any]]:
        """Run the plans, then judge; yields each event as it happens."""
        yield {
            "event": "start",
            "kind": "provider",
            "contract": CONTRACT_VERSION,
            "target": self.target.name,
            "seed": self.seed,
            "own": self.target.own,
            "plans": len(self.plans),
            "checks": len(self.checks),
        }
        # In process each plan has a world of its own, with nothing of the others, and no time.
        lasting = isinstance(self.target, HttpTarget)
        with decode_early(self._use_waits()) if lasting else nullcontext(_leave) as use:
            for plans in _group_plans(self.plans):
                yield from self._run_plans(plans, use)
            yield from self._take_loaded()
            final = build_final_plan(self.histories) if lasting else None
            if final is not None:
                yield self._run_plan(final, use)
                if not self.target.own and is_money_missing(self.histories):
                    yield self._run_plan(build_later_plan(self.histories), use)
        yield from self.judge()

    def _use_waits(self) -> Callable[[History], object]:
        """Return what takes each history, to judge it while a service makes others."""
        target = self.target
        if not isinstance(target, HttpTarget) or target.own or target.control is not None:
            return _leave
        self._idle = idle = IdleWork(target.clock)
        target.meanwhile = idle.work
        return lambda history: idle.add(partial(self.observe_ahead, history))

    def observe_ahead(self, history: History) -> None:
        """Have every check look at a history that will be judged."""
        for check in self.checks:
            self.observe(check, history)

    def observe(self, check: Check, history: History) -> Sequence[Observation]:
        """Return what a check sees in a history of this run, which it looks at once."""
        place = check.id, id(history)
        if place not in self._observed:
            self._observed[place] = check.observe(history)
        return self._observed[place]

    def _run_plans(
        self, plans: Sequence[Plan], use: Callable[[History], object]
    ) -> Iterator[dict[str, Any]]:
        """Run plans, at the same time where they and the target allow it; yields their events."""
        target, done = self.target, set[str]()
        if len(plans) > 1 and isinstance(target, HttpTarget) and not target.own:
            ready = [plan for plan in plans if not target.find_obstacle(plan)]
            if can_run_concurrently(target, ready):
                done = {plan.name for plan in ready}
                if all(plan.ends_with_files for plan in ready):
                    yield from self._take_loaded()
                    loading = begin_and_leave(target, ready, partial(self._prepare, use))
                    self._loading = len(self.histories), loading
                else:
                    found = run_concurrently(target, ready, partial(self._prepare, use))
                    yield from map(self._note_history, found)
        for plan in plans:
            if plan.name in done:
                continue
            why = target.find_obstacle(plan)
            if why:
                self.skipped[plan.name] = why
                if self._idle is not None:
                    self._idle.add(self._measure_unfed)
                yield {"event": "skip", "plan": plan.name, "reason": why}
            else:
                yield self._run_plan(plan, use)

    def _run_plan(self, plan: Plan, use: Callable[[History], object]) -> dict[str, Any]:
        history = self.target.run(plan)
        self._prepare(use, history)
        return self._note_history(history)

    def _prepare(self, use: Callable[[History], object], history: History) -> None:
        """Have the waits used for a history: it is decoded, and its plan run on the fake."""
        use(history)
        if self._idle is not None and self.follow is not None:
            self._idle.add(partial(self.follow, history))

    def _take_loaded(self) -> Iterator[dict[str, Any]]:
        """Wait for the plans that load files, and put their histories where they were begun."""
        place, loading = self._loading
        found = [*loading]
        self.histories[place:place] = found
        yield from map(_describe_plan, found)

    def _note_history(self, history: History) -> dict[str, Any]:
        self.histories.append(history)
        return _describe_plan(history)

    def judge(self) -> Iterator[dict[str, Any]]:
        """Judge the histories so far; yields a verdict for each check, then the end."""
        for check in self.checks:
            verdict = judge_check(
                check,
                self.histories,
                own=self._holds_assumptions,
                confirmed=check.id in self.confirmed,
                observe=self.observe,
            )
            if self.shrink is not None and _is_drawn_only(verdict):
                smaller = self.shrink(check)
                if smaller is not None and smaller.broken:
                    verdict = replace(verdict, findings=smaller.findings)
            self.verdicts.append(verdict)
            yield build_verdict_event(self._explain_void(verdict), self.seed)
        yield self.build_end_event()

    @property
    def _holds_assumptions(self) -> bool:
        return self.target.own or self.hold_assumptions

    def find_breach_status(self, check: Check) -> VerdictStatus:
        """Return how a breach of `check` is reported on the target of this run."""
        return find_breach_status(
            check,
            own=self._holds_assumptions,
            confirmed=check.id in self.confirmed,
        )

    def _explain_void(self, verdict: Verdict) -> Verdict:
        """Give a VOID verdict its reason: its plans cannot run here, or they ended too early."""
        if verdict.status != "VOID" or not self.skipped or self.target.own:
            return verdict
        feeding = self._find_feeding(verdict)
        ran = [history for history in self.histories if history.plan.name in feeding]
        if ran:
            ends = [history.unresolved[-1] for history in ran if history.unresolved]
            return replace(verdict, reason=ends[0] if ends else "")
        reasons = [why for name, why in self.skipped.items() if name in feeding]
        return replace(verdict, status="SKIP", reason=reasons[0]) if reasons else verdict

    def _find_feeding(self, verdict: Verdict) -> frozenset[str]:
        """Return the names of the plans that say something about a check that was not judged."""
        if self._measured or verdict.check.id not in self.feeds:
            self._measure_unfed()
        return self.feeds.get(verdict.check.id, frozenset(self.skipped))

    def _measure_unfed(self) -> None:
        """Measure what plans that were left out, or ended early, say something about."""
        short = {each.plan.name for each in self.histories if each.unresolved}
        wanted = {*self.skipped, *short} - self._measured
        if not wanted:
            return
        self._measured |= wanted
        plans = [each for each in self.plans if each.name in wanted]
        found = self.measure_feeds(self.checks, plans, self.models)
        self.feeds = {
            name: self.feeds.get(name, frozenset()) | found.get(name, frozenset())
            for name in {**self.feeds, **found}
        }

    def build_end_event(self) -> dict[str, Any]:
        """Return the last event."""
        statuses: dict[str, int] = {}
        for verdict in self.verdicts:
            name = self._explain_void(verdict).status
            statuses[name] = statuses.get(name, 0) + 1
        exchanges = sum(len(history.exchanges) for history in self.histories)
        gaps = [] if self.target.own else describe_gaps(self.histories, self.skipped)
        found = [self._explain_void(verdict) for verdict in self.verdicts]
        untried = describe_untried(found, self.tier) if self.tier else []
        return {
            "event": "end",
            "target": self.target.name,
            "verdicts": statuses,
            "exchanges": exchanges,
            "ok": not statuses.keys() & FAILING_STATUSES,
            **({"unjudged": gaps} if gaps else {}),
            **({"untried": untried} if untried else {}),
        }


def _group_plans(plans: Sequence[Plan]) -> Iterator[Sequence[Plan]]:
    """Yield plans in their order: neighbours that may run concurrently as one group."""
    for concurrent, neighbours in groupby(plans, key=lambda plan: plan.concurrent):
        group = [*neighbours]
        yield from [group] if concurrent else [[plan] for plan in group]


def _describe_plan(history: History) -> dict[str, Any]:
    """Return the event of a plan that has run."""
    return {
        "event": "plan",
        "plan": history.plan.name,
        "tier": history.plan.tier,
        "exchanges": len(history.exchanges),
        "unresolved": list(history.unresolved),
    }


def _leave(history: History) -> None:
    """Leave it to who judges it at the end."""


def _is_drawn_only(verdict: Verdict) -> bool:
    """Whether only drawn plans show the breach: findings of fixed plans come first."""
    return verdict.broken and verdict.findings[0].history.plan.drawn
