"""A campaign: plans, a target, checks, and one stream of events that says what came of it.

Nothing else is written by a run; every report is a function of these events.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.history import History
from getimg_mock.contract.verdicts import judged, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from getimg_mock.contract.exchanges import Exchange
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.targets import Target
    from getimg_mock.contract.verdicts import Check, Finding, Verdict

VERSION: Final = "1"
"""The version of the contract and of the event stream."""

_MOST_SHOWN: Final = 14
_MOST_BODY: Final = 2000


@dataclass(slots=True)
class Campaign:
    """One run: which plans against which target under which checks.

    `known` are checks that are known to fail (they are XFAIL; one that passes is XPASS),
    `confirmed` the assumptions that evidence of the real service confirms. `shrink` looks for a
    smaller plan that breaks a check, where no plan but a drawn one has.
    """

    target: Target
    plans: Sequence[Plan]
    checks: Sequence[Check]
    seed: int = 0
    known: Mapping[str, str] = field(default_factory=dict)
    confirmed: frozenset[str] = frozenset()
    feeds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The names of the plans that tell of each check, by its id, where that was measured."""
    shrink: Callable[[Check], Verdict | None] | None = None
    histories: list[History] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    def events(self) -> Iterator[dict[str, Any]]:
        """Run, and yield each event as it comes."""
        yield {
            "event": "start", "contract": VERSION, "target": self.target.name, "seed": self.seed,
            "own": self.target.own, "plans": len(self.plans), "checks": len(self.checks),
        }  # fmt: skip
        for plan in self.plans:
            why = self.target.lacks(plan)
            if why:
                self.skipped[plan.name] = why
                yield {"event": "skip", "plan": plan.name, "reason": why}
                continue
            history = self.target.run(plan)
            self.histories.append(history)
            yield {
                "event": "plan", "plan": plan.name, "tier": plan.tier,
                "exchanges": len(history.exchanges), "unresolved": list(history.unresolved),
            }  # fmt: skip
        yield from self.judge()

    def judge(self) -> Iterator[dict[str, Any]]:
        """Judge the histories there are, and yield a verdict for each check, then the end."""
        for check in self.checks:
            verdict = judged(
                check, self.histories, own=self.target.own, confirmed=check.id in self.confirmed
            )
            if self.shrink is not None and _by_chance(verdict):
                smaller = self.shrink(check)
                if smaller is not None and smaller.broken:
                    verdict = replace(verdict, findings=smaller.findings)
            self.verdicts.append(verdict)
            yield verdict_event(self._settled(verdict), self.seed)
        yield self.end()

    def _settled(self, verdict: Verdict) -> Verdict:
        if verdict.check.id in self.known:
            reason = self.known[verdict.check.id]
            expected = verdict.broken
            return replace(verdict, status="XFAIL" if expected else "XPASS", reason=reason)
        if verdict.status == "VOID" and self.skipped and not self.target.own:
            return self._untold(verdict)
        return verdict

    def _untold(self, verdict: Verdict) -> Verdict:
        """Say why nothing told of a check: its plans cannot be run here, or ended too early."""
        feeding = self.feeds.get(verdict.check.id, frozenset(self.skipped))
        ran = [history for history in self.histories if history.plan.name in feeding]
        if ran:
            ends = [history.unresolved[-1] for history in ran if history.unresolved]
            return replace(verdict, reason=ends[0] if ends else "")
        reasons = [why for name, why in self.skipped.items() if name in feeding]
        return replace(verdict, status="SKIP", reason=reasons[0]) if reasons else verdict

    def end(self) -> dict[str, Any]:
        """Return the last event."""
        statuses: dict[str, int] = {}
        for verdict in self.verdicts:
            name = self._settled(verdict).status
            statuses[name] = statuses.get(name, 0) + 1
        exchanges = sum(len(history.exchanges) for history in self.histories)
        return {
            "event": "end", "target": self.target.name, "verdicts": statuses,
            "exchanges": exchanges, "ok": not (statuses.keys() & {"FAIL", "XPASS"}),
        }  # fmt: skip


def _by_chance(verdict: Verdict) -> bool:
    """Whether no plan but a drawn one shows the breach: those of a history come first."""
    return verdict.broken and verdict.findings[0].history.plan.drawn


def verdict_event(verdict: Verdict, seed: int = 0) -> dict[str, Any]:
    """Return a verdict as an event."""
    check = verdict.check
    return {
        "event": "verdict", "id": check.id, "statement": check.statement, "level": check.level,
        "severity": check.severity, "evidence": check.evidence, "cost": check.cost,
        "why": check.why, "status": verdict.status, "applied": verdict.applied,
        "notes": list(verdict.notes), "reason": verdict.reason,
        "failures": [finding_event(check, each, seed) for each in verdict.findings],
    }  # fmt: skip


def finding_event(check: Check, finding: Finding, seed: int = 0) -> dict[str, Any]:
    """Return a breach as data: where, what was expected, and the smallest history around it."""
    history, seen = finding.history, finding.observation
    if not isinstance(history, History):  # a comparison, or a look at the run itself
        return {
            "id": check.id, "plan": {}, "plan_name": "all plans", "expected": seen.expected,
            "actual": seen.actual, "exchanges": [], "seed": seed, "contract": VERSION,
        }  # fmt: skip
    return {
        "id": check.id, "plan": history.plan.as_json() if _small(history.plan) else
        {"name": history.plan.name}, "plan_name": history.plan.name,
        "expected": redacted(seen.expected, history), "actual": redacted(seen.actual, history),
        "exchanges": [exchange_json(each, history) for each in around(history, seen.exchanges)],
        "seed": seed, "contract": VERSION,
    }  # fmt: skip


def around(history: History, numbers: Sequence[int]) -> list[Exchange]:
    """Return the exchanges that a breach is about, and what they refer to."""
    if not numbers:
        return list(history.exchanges[:_MOST_SHOWN])
    wanted = set(numbers)
    for each in history:
        if each.number in wanted and each.step is not None and each.step.ref is not None:
            name = each.step.ref.step.removesuffix(".now")
            wanted |= {o.number for o in history if o.step is not None and o.step.name == name}
    chosen = [each for each in history if each.number in wanted]
    return chosen[:_MOST_SHOWN]


def exchange_json(exchange: Exchange, history: History) -> dict[str, Any]:
    """Return an exchange as reports show it: bounded, and without keys."""
    effects = [
        f"{effect.kind} {effect.amount}" if effect.amount else effect.kind
        for effect in exchange.effects or ()
    ]
    return {
        "number": exchange.number, "at": exchange.at.isoformat(timespec="milliseconds"),
        "key": exchange.key, "method": exchange.method,
        "path": redacted(exchange.path + ("?" + exchange.query if exchange.query else ""), history),
        "status": exchange.status, "effects": effects,
        "request": redacted(_text(exchange.request_body or b""), history),
        "response": redacted(_text(exchange.body), history),
        "operation": exchange.operation,
    }  # fmt: skip


def redacted(text: str, history: History) -> str:
    """Return a text without any of the keys in use."""
    for name, secret in history.secrets:
        text = text.replace(secret, f"<key {name}>")
    return text


def _text(body: bytes) -> str:
    if not body:
        return ""
    try:
        text = body[:_MOST_BODY].decode()
    except UnicodeDecodeError:
        return f"<{len(body)} bytes>" if body[:1] not in b"{[" else ascii(body[:200])
    return text if len(body) <= _MOST_BODY else f"{text[:200]}... <{len(body)} bytes>"


def _small(plan: Plan) -> bool:
    return sum(len(step.body or b"") for step in plan.submissions) < 100_000


def written(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each event as a line of NDJSON."""
    for event in events:
        yield json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"


__all__ = [
    "Campaign",
    "around",
    "finding_event",
    "redacted",
    "status_of",
    "verdict_event",
    "written",
]
