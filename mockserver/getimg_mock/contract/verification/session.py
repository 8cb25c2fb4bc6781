"""A campaign: plans, a target, checks, and one stream of events that says what came of it.

Nothing else is written by a run; every report is a function of these events.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.history import History
from getimg_mock.contract.verdicts import find_breach_status, judge_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verdicts import Check, Finding, Verdict, VerdictStatus

VERSION: Final = "1"
"""The version of the contract and of the event stream."""

FAILING_STATUSES: Final = frozenset({"FAIL", "XPASS"})
"""The statuses that fail a run."""

_MIN_KEY_PREFIX: Final = 8
"""How many characters of a key are enough to be kept back."""
_MAX_EXCHANGES: Final = 14
_MAX_PLAN_SIZE: Final = 400_000
_OTHER_LABEL: Final = "the other"
_ALTERATION_WORDS: Final = {"": "with another", "no": "without its", "late": "with a later"}
_OPENING_EFFECT: Final = "credit"
"""No request brings a credit about, although the first one may open the workspace."""

_BALANCE_SIGNS: Final = {"hold": -1, "release": 1, "refund": 1}
"""What an entry of the ledger does to the balance; a charge takes what was held already."""
_MAX_BODY_SIZE: Final = 2000


@dataclass(slots=True)
class VerificationSession:
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

    def run(self) -> Iterator[dict[str, Any]]:
        """Run, and yield each event as it comes."""
        yield {
            "event": "start",
            "kind": "provider",
            "contract": VERSION,
            "target": self.target.name,
            "seed": self.seed,
            "own": self.target.own,
            "plans": len(self.plans),
            "checks": len(self.checks),
        }
        for plan in self.plans:
            why = self.target.find_obstacle(plan)
            if why:
                self.skipped[plan.name] = why
                yield {"event": "skip", "plan": plan.name, "reason": why}
                continue
            history = self.target.run(plan)
            self.histories.append(history)
            yield {
                "event": "plan",
                "plan": plan.name,
                "tier": plan.tier,
                "exchanges": len(history.exchanges),
                "unresolved": list(history.unresolved),
            }
        yield from self.judge()

    def judge(self) -> Iterator[dict[str, Any]]:
        """Judge the histories there are, and yield a verdict for each check, then the end."""
        for check in self.checks:
            verdict = judge_check(
                check, self.histories, own=self.target.own, confirmed=check.id in self.confirmed
            )
            if self.shrink is not None and _is_drawn_only(verdict):
                smaller = self.shrink(check)
                if smaller is not None and smaller.broken:
                    verdict = replace(verdict, findings=smaller.findings)
            self.verdicts.append(verdict)
            yield build_verdict_event(self._apply_known_failure(verdict), self.seed)
        yield self.build_end_event()

    def _apply_known_failure(self, verdict: Verdict) -> Verdict:
        if verdict.check.id in self.known:
            status = resolve_known_status(verdict.status, broken=verdict.broken)
            if status != verdict.status:
                return replace(verdict, status=status, reason=self.known[verdict.check.id])
        if verdict.status == "VOID" and self.skipped and not self.target.own:
            return self._explain_void(verdict)
        return verdict

    def _explain_void(self, verdict: Verdict) -> Verdict:
        """Say why nothing told of a check: its plans cannot be run here, or ended too early."""
        feeding = self.feeds.get(verdict.check.id, frozenset(self.skipped))
        ran = [history for history in self.histories if history.plan.name in feeding]
        if ran:
            ends = [history.unresolved[-1] for history in ran if history.unresolved]
            return replace(verdict, reason=ends[0] if ends else "")
        reasons = [why for name, why in self.skipped.items() if name in feeding]
        return replace(verdict, status="SKIP", reason=reasons[0]) if reasons else verdict

    def build_end_event(self) -> dict[str, Any]:
        """Return the last event."""
        statuses: dict[str, int] = {}
        for verdict in self.verdicts:
            name = self._apply_known_failure(verdict).status
            statuses[name] = statuses.get(name, 0) + 1
        exchanges = sum(len(history.exchanges) for history in self.histories)
        return {
            "event": "end",
            "target": self.target.name,
            "verdicts": statuses,
            "exchanges": exchanges,
            "ok": not statuses.keys() & FAILING_STATUSES,
        }


def _is_drawn_only(verdict: Verdict) -> bool:
    """Whether no plan but a drawn one shows the breach: those of a history come first."""
    return verdict.broken and verdict.findings[0].history.plan.drawn


def resolve_known_status(status: VerdictStatus, *, broken: bool) -> VerdictStatus:
    """Return how a check that is listed as a known failure came out.

    What could not be judged stays as it is: that says nothing about the failure.
    """
    if status in {"FAIL", "WARN", "INFO"} and broken:
        return "XFAIL"
    return "XPASS" if status in {"PASS", "INFO"} else status


def apply_known_failures(
    events: Iterable[dict[str, Any]], known: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the events of runs with the known failures as such, and ends that count everything.

    The failures are those of what is judged, not of the fake that stands beside it as its twin.
    """
    counts: dict[str, int] = {}
    listed = known
    for event in events:
        told = event
        if event["event"] == "start":
            counts, listed = {}, {} if event.get("twin") else known
        elif event["event"] == "verdict":
            if event["id"] in listed:
                status = resolve_known_status(event["status"], broken=bool(event["failures"]))
                if status != event["status"]:
                    told = event | {"status": status, "reason": listed[event["id"]]}
            counts[told["status"]] = counts.get(told["status"], 0) + 1
        elif event["event"] == "end":
            told = event | {"verdicts": counts, "ok": not counts.keys() & FAILING_STATUSES}
        yield told


def build_verdict_event(verdict: Verdict, seed: int | str = 0) -> dict[str, Any]:
    """Return a verdict as an event."""
    check = verdict.check
    return {
        "event": "verdict",
        "id": check.id,
        "statement": check.statement,
        "level": check.level,
        "severity": check.severity,
        "evidence": check.evidence,
        "cost": check.cost,
        "why": check.why,
        "status": verdict.status,
        "applied": verdict.applied,
        "notes": list(verdict.notes),
        "reason": verdict.reason,
        "failures": [build_finding_event(check, each, seed) for each in verdict.findings],
    }


def build_finding_event(check: Check, finding: Finding, seed: int | str = 0) -> dict[str, Any]:
    """Return a breach as data: where, what was expected, and the smallest history around it."""
    history, seen = finding.history, finding.observation
    if not isinstance(history, History):  # a comparison, or a look at the run itself
        return {
            "id": check.id,
            "plan": {},
            "plan_name": "all plans",
            "expected": _redact_all(seen.expected, history),
            "actual": _redact_all(seen.actual, history),
            "exchanges": _dump_both_sides(history, seen.seen),
            "seed": seed,
            "contract": VERSION,
        }
    plan = history.plan.as_json()
    if len(json.dumps(plan)) > _MAX_PLAN_SIZE:
        plan = {"name": history.plan.name}
    return {
        "id": check.id,
        "plan": plan,
        "plan_name": history.plan.name,
        "expected": redact(seen.expected, history),
        "actual": redact(seen.actual, history),
        "exchanges": [
            dump_exchange(each, history) for each in select_context(history, seen.exchanges)
        ],
        "seed": seed,
        "contract": VERSION,
    }


def _dump_both_sides(compared: Any, exchanges: Iterable[HttpExchange]) -> list[dict[str, Any]]:
    """Return exchanges of a comparison, each after what the fake did in its place."""
    found: list[dict[str, Any]] = []
    for exchange in exchanges:
        for pair in getattr(compared, "pairs", ()):
            if exchange is pair.other or exchange is pair.fake:
                for side, each in (("the fake", pair.fake), (_OTHER_LABEL, pair.other)):
                    history = _find_history(compared, each)
                    label = f"{side}, plan '{redact(pair.plan, history)}'"
                    found.append(dump_exchange(each, history) | {"label": label})
    return found[:_MAX_EXCHANGES]


def _find_history(compared: Any, exchange: HttpExchange) -> History:
    """Return the history of a comparison that an exchange is of."""
    histories: list[History] = [*compared.fake, *compared.other]
    return next(each for each in histories if any(exchange is other for other in each))


def _redact_all(text: str, compared: Any) -> str:
    """Return a text without any key of any history that was looked at."""
    histories = [*getattr(compared, "fake", ()), *getattr(compared, "other", ())]
    for history in (*histories, *getattr(compared, "histories", ())):
        text = redact(text, history)
    return text


def select_context(history: History, numbers: Sequence[int]) -> list[HttpExchange]:
    """Return the exchanges that a breach is about, and what they refer to."""
    if not numbers:
        return list(history.exchanges[:_MAX_EXCHANGES])
    wanted = set(numbers)
    for each in history:
        if each.number in wanted and each.step is not None and each.step.ref is not None:
            name = each.step.ref.step.removesuffix(".now")
            wanted |= {o.number for o in history if o.step is not None and o.step.name == name}
    chosen = [each for each in history if each.number in wanted]
    return chosen[:_MAX_EXCHANGES]


def dump_exchange(exchange: HttpExchange, history: History) -> dict[str, Any]:
    """Return an exchange as reports show it: bounded, and without keys."""
    effects = [
        f"{effect.kind} {effect.amount}" if effect.amount else effect.kind
        for effect in exchange.effects or ()
        if effect.kind != _OPENING_EFFECT
    ]
    return {
        "number": exchange.number,
        "at": exchange.at.isoformat(timespec="milliseconds"),
        "key": exchange.key,
        "method": exchange.method,
        "path": redact(exchange.path + ("?" + exchange.query if exchange.query else ""), history),
        "status": exchange.status,
        "effects": effects,
        "delta": _format_delta(exchange),
        "label": redact(_describe_request(exchange), history),
        "request": redact(_render_body(exchange.request_body or b""), history),
        "response": redact(_render_body(exchange.body), history),
        "operation": exchange.operation,
    }


def _format_delta(exchange: HttpExchange) -> str:
    """Return by how much an exchange moved the balance, as far as we can look inside."""
    moves = [effect for effect in exchange.effects or () if effect.kind in _BALANCE_SIGNS]
    total = sum((_BALANCE_SIGNS[each.kind] * each.amount for each in moves), Decimal(0))
    return f"{total:+f}" if moves else ""


def _describe_request(exchange: HttpExchange) -> str:
    """Return what was done to a request, or what its plan made wrong about it."""
    label = getattr(exchange, "label", "")
    if label or exchange.step is None:
        return str(label)
    if exchange.step.alter:
        how, _, part = exchange.step.alter.rpartition("-")
        return f"the link {_ALTERATION_WORDS[how]} {part}"
    return exchange.step.fault


def redact(text: str, history: History) -> str:
    """Return a text without any of the keys in use, those that were cut off with it included."""
    for name, secret in history.secrets:
        text = text.replace(secret, f"<key {name}>")
        if secret[:_MIN_KEY_PREFIX] in text:
            for length in range(len(secret) - 1, _MIN_KEY_PREFIX - 1, -1):
                text = text.replace(f"{secret[:length]}...", f"<key {name}>...")
    return text


def _render_body(body: bytes) -> str:
    if not body:
        return ""
    try:
        text = body[:_MAX_BODY_SIZE].decode()
    except UnicodeDecodeError:
        return f"<{len(body)} bytes>" if body[:1] not in b"{[" else ascii(body[:200])
    return text if len(body) <= _MAX_BODY_SIZE else f"{text[:200]}... <{len(body)} bytes>"


def render_ndjson(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each event as a line of NDJSON."""
    for event in events:
        yield _render_line(event) + "\n"


def _render_line(event: Mapping[str, Any]) -> str:
    line = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str)
    try:
        line.encode()
    except UnicodeEncodeError:  # a lone surrogate can only be written as an escape
        return json.dumps(event, separators=(",", ":"), default=str)
    return line


__all__ = [
    "VerificationSession",
    "build_finding_event",
    "build_verdict_event",
    "find_breach_status",
    "redact",
    "render_ndjson",
    "select_context",
]
