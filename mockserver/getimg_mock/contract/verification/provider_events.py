"""The event stream of a verification of a provider: run, compare with the fake, check ourselves."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.budget.gate import watch_spending
from getimg_mock.contract.targets.http_target import HttpTarget
from getimg_mock.contract.verdict_events import build_verdict_event
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.dry_run import FakeAhead, run_on_fake
from getimg_mock.contract.verification.registry import EQUIVALENCE, HARNESS
from getimg_mock.contract.verification.self_check import collect_self_check, explain_verdict
from getimg_mock.reports import run_events
from getimg_mock.reports.formats import list_usable_formats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.budget.gate import Budget
    from getimg_mock.contract.verdicts import Verdict
    from getimg_mock.contract.verification.comparison import Comparison
    from getimg_mock.contract.verification.session import VerificationSession
    from getimg_mock.reports.run_events import RunEvent


@dataclass(slots=True)
class ProviderRun:
    """One verification of a provider.

    `known` is what evidence says of the service. `asked` are the ids of the checks whose verdicts
    are wanted; the others may be judged too, because a comparison needs them.
    """

    session: VerificationSession
    budget: Budget | None
    known: Comparison
    asked: frozenset[str]
    _told: list[RunEvent] = field(default_factory=list)
    _twin: list[RunEvent] = field(default_factory=list)
    _ahead: FakeAhead = field(init=False)

    def __post_init__(self) -> None:
        """Have the fake run each plan while the session waits, where both are compared."""
        self._ahead = FakeAhead(self.session)
        if self._compares:
            self.session.follow = self._ahead.follow

    @property
    def _compares(self) -> bool:
        return bool(self.asked & {check.id for check in EQUIVALENCE})

    def run(self) -> Iterator[RunEvent]:
        """Run the plans, judge them, and yield each event as it happens."""
        with self._watch_spending():
            for event in self.session.run():
                if event["event"] != "end":
                    self._told.append(event)
                    yield from self._select(event)
        for event in [*self._compare(), *self._check_ourselves()]:
            yield from self._select(event)
        if self.budget is not None:
            yield self.budget.as_event()
        yield self.session.build_end_event()
        yield from self._generate_twin()

    def _watch_spending(self) -> Any:
        target = self.session.target
        if self.budget is not None and isinstance(target, HttpTarget):
            return watch_spending(target, self.budget)
        return nullcontext()

    def _compare(self) -> list[RunEvent]:
        """Run the same plans on the fake, and judge both together."""
        if not self._compares:
            return []
        comparison, self._twin = run_on_fake(self.session, self.known, self._ahead)
        found = [
            explain_verdict(
                judge_check(check, [comparison], own=True),
                alone=not self._twin,
                unlike=comparison.unlike,
            )
            for check in EQUIVALENCE
        ]
        return self._tell(found)

    def _check_ourselves(self) -> list[RunEvent]:
        """Judge the run itself, and every report that can be made of it so far."""
        if not self.asked & {check.id for check in HARNESS}:
            return []
        text = "".join(run_events.render_ndjson([*self._told, self.session.build_end_event()]))
        outcomes = run_events.read_outcomes(run_events.parse_events(text))
        artefacts = {each.called: each.render(outcomes) for each in list_usable_formats()}
        found = collect_self_check(self.session, self.budget, artefacts=artefacts)
        return self._tell(
            [explain_verdict(judge_check(check, [found], own=True)) for check in HARNESS]
        )

    def _tell(self, verdicts: list[Verdict]) -> list[RunEvent]:
        told = [build_verdict_event(each, self.session.seed) for each in verdicts]
        self._told += told
        return told

    def _select(self, event: RunEvent) -> Iterator[RunEvent]:
        """Yield an event, unless it is a verdict that was not asked for."""
        if event.get("id", "") in {"", *self.asked}:
            yield event

    def _generate_twin(self) -> Iterator[RunEvent]:
        """Yield what the fake did under the same plans, as a run of its own."""
        for event in self._twin:
            if event["event"] == "start":
                yield event | {"twin": True}
            elif event["event"] in {"verdict", "end"}:
                yield from self._select(event)
