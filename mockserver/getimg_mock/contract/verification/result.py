"""What came of a verification: verdicts, breaches with their exchanges, spend, and reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.reports import console
from getimg_mock.reports.formats import find_format, write_report
from getimg_mock.reports.replays import build_replay_command
from getimg_mock.reports.run_events import list_call_sites, list_senders

if TYPE_CHECKING:
    from getimg_mock.reports.run_events import Outcome, RunEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExchange:
    """One request with its response, without keys; long bodies are cut.

    `key` is the name of the key that was sent: `a`, `b`, or `none`. `delta` is by how much the
    exchange changed the balance in US dollars; it and `effects` are empty unless the fake answered.
    """

    number: int
    at: datetime
    key: str
    method: str
    path: str
    status: int
    request: str
    response: str
    operation: str
    label: str
    effects: tuple[str, ...]
    delta: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """One place where a check failed: what was expected, what came, and the exchanges around it.

    `plan` is the name of the plan, or of the case of a client. `replay` is the command that shows
    the breach again, or says why none does. `sent_by` are the tests, or programs, that sent the
    requests of an observed client, and `called_at` the files and lines whose calls sent them.
    """

    check: str
    target: str
    plan: str
    expected: str
    actual: str
    exchanges: tuple[ShownExchange, ...]
    replay: str
    sent_by: tuple[str, ...] = ()
    called_at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one check came out on one target: its id, its rule, its status, and its breaches.

    `applied` counts the places where the rule applied. `reason` says why a check was not judged.
    `event` is the event that all of this was read from.
    """

    id: str
    target: str
    statement: str
    level: str
    severity: str
    status: str
    applied: int
    reason: str
    why: str
    fix: str
    notes: tuple[str, ...]
    breaches: tuple[Breach, ...]
    event: RunEvent = field(repr=False, compare=False)

    def render(self, *, replay: str = "") -> str:
        """Return the first breach as text, with its exchanges; empty where there is none.

        `replay` says how to see it again, in place of the command of the breach.
        """
        if not self.breaches:
            return ""
        failure = self.event["failures"][0] | {"verdict": self.event}
        return console.render_failure(failure, replay=replay or self.breaches[0].replay)

    @property
    def broken(self) -> bool:
        """Whether the rule was seen broken, whatever the status."""
        return bool(self.breaches)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendSummary:
    """What a run against a service that costs money spent at most, in US dollars.

    `today` counts all runs of the UTC day. `requests` passed the gate. `beyond` is what the balance
    lost beyond the books, or None where the service did not say.
    """

    ceiling: Decimal
    spent: Decimal
    today: Decimal
    requests: int
    beyond: Decimal | None


@dataclass(frozen=True)
class Verification:
    """What came of `verify_provider` or `verify_client`.

    `status` is the exit status of the command line: 0 when the contract holds, 1 when it is broken,
    2 when a client was hardly tried; an observed command that failed gives its own. `gaps` are
    sentences on what of a client was not tried. `outcomes` has one item for each run, in the order
    of the runs; the fake that a target was compared with is one of them.
    """

    outcomes: tuple[Outcome, ...] = field(repr=False)
    status: int = 0
    gaps: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the contract holds, and enough was tried to say so."""
        return self.status == 0

    @property
    def events(self) -> tuple[RunEvent, ...]:
        """The event stream: all that happened, as `schemas/own/contract-events.json` has it."""
        return tuple(event for outcome in self.outcomes for event in outcome.events)

    @cached_property
    def verdicts(self) -> tuple[CheckResult, ...]:
        """The result of each check on each target, in the order of the run."""
        return tuple(
            _build_check_result(outcome, verdict)
            for outcome in self.outcomes
            if not outcome.twin
            for verdict in outcome.verdicts
        )

    @property
    def failures(self) -> tuple[Breach, ...]:
        """The breaches that fail the verification: of each MUST that was broken, up to three.

        A check that is listed as a known failure and passes fails it as well, without exchanges.
        """
        found = (*self.of("FAIL"), *self.of("XPASS"))
        return tuple(
            each for verdict in found for each in verdict.breaches or [_unexpected(verdict)]
        )

    @property
    def warnings(self) -> tuple[Breach, ...]:
        """The breaches of rules that are a SHOULD."""
        return tuple(each for verdict in self.of("WARN") for each in verdict.breaches)

    def of(self, status: str) -> tuple[CheckResult, ...]:
        """Return the results with a status, such as `FAIL` or `SKIP`."""
        return tuple(each for each in self.verdicts if each.status == status)

    @property
    def failed(self) -> frozenset[str]:
        """The ids of the checks that were seen broken, whatever their status."""
        return frozenset(each.id for each in self.verdicts if each.broken)

    @property
    def blockers(self) -> tuple[str, ...]:
        """The ids of the failed checks whose severity is blocker."""
        return tuple(each.id for each in self.of("FAIL") if each.severity == "blocker")

    @property
    def spend(self) -> SpendSummary | None:
        """What the verification spent; None where nothing could cost."""
        budgets = [outcome.budget for outcome in self.outcomes if outcome.budget]
        return _build_spend(budgets[-1]) if budgets else None

    @property
    def scorecard(self) -> str:
        """One line for each target: how many checks hold, and which blockers fail."""
        lines = [
            outcome.scorecard or console.render_summary(outcome)
            for outcome in self.outcomes
            if not outcome.twin
        ]
        return "\n".join(lines)

    def render(self, ending: str = "txt") -> str:
        """Return a report: `json`, `xml` (JUnit), `sarif`, `md`, `html`, `txt` or `ndjson`.

        Raises `UnknownNameError` for any other ending.
        """
        return find_format(ending).render(self.outcomes)

    def write(self, path: Path | str) -> None:
        """Write a report in the format of the path's ending.

        Raises `UnknownNameError` for an unknown ending, `SettingsError` if it cannot be written.
        """
        write_report(Path(path), self.outcomes)


def _build_check_result(outcome: Outcome, event: RunEvent) -> CheckResult:
    return CheckResult(
        id=event["id"],
        target=outcome.target,
        statement=event["statement"],
        level=event["level"],
        severity=event["severity"],
        status=event["status"],
        applied=event["applied"],
        reason=event["reason"],
        why=event["why"],
        fix=event.get("fix", ""),
        notes=tuple(event["notes"]),
        breaches=tuple(_build_breach(outcome, each) for each in event["failures"]),
        event=event,
    )


def _build_breach(outcome: Outcome, failure: RunEvent) -> Breach:
    return Breach(
        check=failure["id"],
        target=outcome.target,
        plan=failure["client"]["case"] if "client" in failure else failure["plan_name"],
        expected=failure["expected"],
        actual=failure["actual"],
        exchanges=tuple(_build_exchange(each) for each in failure["exchanges"]),
        replay=build_replay_command(outcome, failure),
        sent_by=tuple(list_senders(failure)),
        called_at=tuple(list_call_sites(failure)),
    )


def _build_exchange(event: dict[str, Any]) -> ShownExchange:
    return ShownExchange(
        number=event["number"],
        at=datetime.fromisoformat(event["at"]),
        key=event["key"],
        method=event["method"],
        path=event["path"],
        status=event["status"],
        request=event["request"],
        response=event["response"],
        operation=event["operation"],
        label=event["label"],
        effects=tuple(event["effects"]),
        delta=event["delta"],
    )


def _unexpected(verdict: CheckResult) -> Breach:
    return Breach(
        check=verdict.id,
        target=verdict.target,
        plan="all plans",
        expected=f"a failure, as the list of known failures says ({verdict.reason or 'no reason'})",
        actual="the check passes: remove it from the list",
        exchanges=(),
        replay="",
    )


def _build_spend(event: RunEvent) -> SpendSummary:
    beyond = event.get("beyond")
    return SpendSummary(
        ceiling=Decimal(event["ceiling"]),
        spent=Decimal(event["spent"]),
        today=Decimal(event["today"]),
        requests=event["requests"],
        beyond=None if beyond is None else Decimal(beyond),
    )
