"""The verdict on a client in one line, and the events that reports are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases.client_check import ClientCheck
from getimg_mock.contract.verdict_events import CONTRACT_VERSION, build_verdict_event, redact
from getimg_mock.reports.known_failures import apply_known_failures, resolve_known_status

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.suite import Result
    from getimg_mock.contract.verdicts import Verdict

EDITION: Final = "getimg-client-2026-11"
"""The name of this edition of the client contract: it changes when a check does."""

_MAX_OUTCOMES: Final = 6
_JUDGED: Final = frozenset({"PASS", "FAIL", "WARN", "INFO"})


def render_line(result: Result, known: Collection[str] = ()) -> str:
    """Return the scorecard: how many of the rules that could be judged hold, and the blockers.

    Of `known`, checks that are known to fail, those that fail are left out.
    """
    judged = [
        each for each in result.verdicts if each.status in _JUDGED and not _is_excused(each, known)
    ]
    held = sum(not each.broken for each in judged)
    ids = {each.check.id for each in judged}
    blockers = [each for each in result.blockers if each in ids]
    found = f"{len(blockers)} blocker{'s' * (len(blockers) != 1)}" if blockers else "no blockers"
    listed = f": {' '.join(blockers)}" if blockers else ""
    remarks = [result.remark, _list_unread(result), *_list_caveats(judged)]
    remark = "".join(f"; {each}" for each in remarks if each)
    return f"{EDITION}: {held}/{len(judged)}, {found}{listed}{remark}"


def _list_unread(result: Result) -> str:
    """Return which cases were not judged for a response that could not be read; or nothing.

    A check that has other cases is judged by these, and would not say it.
    """
    found = [each for each in result.histories if each.unread]
    cases = ", ".join(each.case for each in found[:5]) + (", ..." if len(found) > 5 else "")
    return f"not judged in {cases}: needs {found[0].unread[0]}" if found else ""


def _list_caveats(judged: Iterable[Verdict]) -> list[str]:
    """Return what the documentation says to the contrary of the checks that fail."""
    return [
        f"{each.check.id}: {each.check.caveat}".rstrip(".")
        for each in judged
        if each.status == "FAIL" and isinstance(each.check, ClientCheck) and each.check.caveat
    ]


def _is_excused(verdict: Verdict, known: Collection[str]) -> bool:
    status = resolve_known_status(verdict.status, broken=verdict.broken)
    return verdict.check.id in known and status == "XFAIL"


def events(
    result: Result, *, adapter: str, known: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a run that is over as events, in the form that `verify api` writes.

    `adapter` is how the client is named on the command line: it is part of every failure, so that
    the failure can be replayed. `known` are checks that are known to fail.
    """
    yield start_event(
        result.client,
        adapter=adapter,
        seed=result.seed,
        cases=len(result.histories),
        checks=len(result.verdicts),
    )
    yield from map(case_event, result.histories)
    yield from generate_verdict_events(result, adapter=adapter, known=known)


def start_event(
    client: str, *, adapter: str, seed: str, cases: int, checks: int, where: str | None = None
) -> dict[str, Any]:
    """Return the first event of a run; `where` is the service, if it is not the fake."""
    return {
        "event": "start",
        "kind": "client",
        "contract": EDITION,
        "target": client,
        "adapter": adapter,
        "seed": _seed(seed),
        "own": where is None,
        "url": where,
        "plans": cases,
        "checks": checks,
    }


def case_event(history: ClientHistory) -> dict[str, Any]:
    """Return the event that a client was put through a case."""
    return {
        "event": "case",
        "case": history.case,
        "exchanges": len(history.exchanges),
        "missing": list(history.missing),
        "missed": list(history.missed),
    }


def generate_verdict_events(
    result: Result, *, adapter: str, known: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a verdict for each check, and the end."""
    known = known or {}
    told: list[dict[str, Any]] = [_event(each, result, adapter) for each in result.verdicts]
    told.append(
        {
            "event": "end",
            "target": result.client,
            "verdicts": {},
            "ok": True,
            "exchanges": result.exchanges,
            "scorecard": render_line(result, known),
            "seconds": round(result.seconds, 3),
        }
    )
    yield from apply_known_failures(told, known)


def _event(verdict: Verdict, result: Result, adapter: str) -> dict[str, Any]:
    event = build_verdict_event(verdict, _seed(result.seed))
    for failure, finding in zip(event["failures"], verdict.findings, strict=True):
        history: ClientHistory = finding.history
        failure["contract"] = f"{EDITION}/{CONTRACT_VERSION}"
        failure["client"] = {
            "adapter": adapter,
            "case": history.case,
            "seed": result.seed,
            "outcomes": [redact(each.shown, history) for each in history.outcomes[:_MAX_OUTCOMES]],
        }
        senders = history.find_senders(finding.observation.exchanges)[:_MAX_OUTCOMES]
        if senders:
            failure["client"]["sent_by"] = [redact(each, history) for each in senders]
        places = history.find_call_sites(finding.observation.exchanges)[:_MAX_OUTCOMES]
        if places:
            failure["client"]["called_at"] = [redact(each, history) for each in places]
    return event


def _seed(seed: str) -> int | str:
    return int(seed) if seed.isascii() and seed.isdigit() else seed
