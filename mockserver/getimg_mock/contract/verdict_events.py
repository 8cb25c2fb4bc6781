"""Verdicts as events: what reports are made from, without keys and of bounded size."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.history import History
from getimg_mock.redaction import KnownKeys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.steps import Alteration
    from getimg_mock.contract.verdicts import Check, Finding, Verdict

CONTRACT_VERSION: Final = "1"
"""The version of the contract and of the event stream."""

_MAX_EXCHANGES: Final = 14
_MAX_PLAN_SIZE: Final = 400_000
_OTHER_LABEL: Final = "the other"
ALTERATION_WORDS: Final[dict[Alteration, str]] = {
    "": "as it is",
    "sig": "with another sig",
    "end-sig": "with another end of its sig",
    "sig-at": "with another character in its sig",
    "cut-sig": "with a shorter sig",
    "short-sig": "with a few digits of its sig",
    "empty-sig": "with an empty sig",
    "longer-sig": "with a longer sig",
    "exp": "with another exp",
    "exp-at": "with another character in its exp",
    "item": "with another item",
    "id": "with another id",
    "no-sig": "without its sig",
    "no-exp": "without its exp",
    "late-exp": "with a later exp",
    "borrowed": "with sig and exp of another link",
    "cut-id": "with a shorter id",
    "longer-id": "with a longer id",
    "other-case-id": "with an id in the other case",
}
"""What each way to alter a link, or a path, makes of it, as reports say it."""

_OPENING_EFFECT: Final = "credit"
"""The first request of a key may open its workspace: the credit is not an effect of the request."""

_BALANCE_SIGNS: Final = {"hold": -1, "release": 1, "refund": 1}
"""How a ledger entry changes the balance; a charge takes an amount that is on hold already."""

_MAX_BODY_SIZE: Final = 2000


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
        **({"fix": check.fix} if check.fix else {}),
        "status": verdict.status,
        "applied": verdict.applied,
        "notes": list(verdict.notes),
        "reason": verdict.reason,
        "failures": [build_finding_event(check, each, seed) for each in verdict.findings],
    }


def build_finding_event(check: Check, finding: Finding, seed: int | str = 0) -> dict[str, Any]:
    """Return a breach as data: the plan, expected, actual, and the exchanges around it."""
    history, seen = finding.history, finding.observation
    if not isinstance(history, History):  # a comparison, or the run as a whole
        return {
            "id": check.id,
            "plan": {},
            "plan_name": "all plans",
            "expected": _redact_all(seen.expected, history),
            "actual": _redact_all(seen.actual, history),
            "exchanges": _dump_both_sides(history, seen.seen),
            "seed": seed,
            "contract": CONTRACT_VERSION,
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
        "contract": CONTRACT_VERSION,
    }


def _dump_both_sides(compared: Any, exchanges: Iterable[HttpExchange]) -> list[dict[str, Any]]:
    """Return exchanges of a comparison, each preceded by its counterpart on the fake."""
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
    """Return the history of a comparison that holds an exchange."""
    histories: list[History] = [*compared.fake, *compared.other]
    return next(each for each in histories if any(exchange is other for other in each))


def _redact_all(text: str, compared: Any) -> str:
    """Return a text without the keys of any history in a comparison."""
    histories = [*getattr(compared, "fake", ()), *getattr(compared, "other", ())]
    for history in (*histories, *getattr(compared, "histories", ())):
        text = redact(text, history)
    return text


def select_context(history: History, numbers: Sequence[int]) -> list[HttpExchange]:
    """Return the exchanges that a breach is about, and those that they refer to."""
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
        f"{effect.what} {effect.amount}" if effect.amount else effect.what
        for effect in exchange.effects or ()
        if effect.what != _OPENING_EFFECT
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
    """Return by how much an exchange changed the balance; empty where the ledger is unknown."""
    moves = [effect for effect in exchange.effects or () if effect.what in _BALANCE_SIGNS]
    total = sum((_BALANCE_SIGNS[each.what] * (each.amount or 0) for each in moves), Decimal(0))
    return f"{total:+f}" if moves else ""


def _describe_request(exchange: HttpExchange) -> str:
    """Return the fault that was injected, or what the plan made wrong about the request."""
    label = getattr(exchange, "label", "")
    if label or exchange.step is None:
        return str(label)
    if exchange.step.alter:
        altered = "link" if exchange.step.link else "path"
        return f"the {altered} {ALTERATION_WORDS[exchange.step.alter]}"
    return exchange.step.fault


def redact(text: str, history: History) -> str:
    """Return a text without the keys that a history was made with."""
    known = {secret: name for name, secret in history.secrets if secret and name}
    return KnownKeys(known).redact_known(text)


def _render_body(body: bytes) -> str:
    if not body:
        return ""
    try:
        text = body[:_MAX_BODY_SIZE].decode()
    except UnicodeDecodeError:
        return f"<{len(body)} bytes>" if body[:1] not in b"{[" else ascii(body[:200])
    return text if len(body) <= _MAX_BODY_SIZE else f"{text[:200]}... <{len(body)} bytes>"
