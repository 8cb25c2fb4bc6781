"""The verdict on a client in one line, and the events that reports are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.campaign import VERSION, verdict_event
from getimg_mock.contract.clients.checking import ClientCheck

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from getimg_mock.contract.clients.suite import Result
    from getimg_mock.contract.verdicts import Verdict

EDITION: Final = "getimg-client-2026-11"
"""The name of this edition of the client contract: it changes when a check does."""

_JUDGED: Final = frozenset({"PASS", "FAIL", "WARN", "INFO", "XFAIL", "XPASS"})


def line(result: Result) -> str:
    """Return the scorecard: how many of the rules that could be judged hold, and the blockers."""
    judged = [each for each in result.verdicts if each.status in _JUDGED]
    held = sum(not each.broken for each in judged)
    blockers = result.blockers
    found = f"{len(blockers)} blocker{'s' * (len(blockers) != 1)}" if blockers else "no blockers"
    listed = f": {' '.join(blockers)}" if blockers else ""
    return f"{EDITION}: {held}/{len(judged)}, {found}{listed}"


def events(
    result: Result, *, adapter: str, known: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the run as events, in the form that `verify api` writes.

    `adapter` is how the client is named on the command line: it stands in every failure, so that it
    can be replayed. `known` are checks that are known to fail.
    """
    known = known or {}
    yield {
        "event": "start", "contract": EDITION, "target": result.client, "seed": _seed(result),
        "own": True, "plans": len(result.histories), "checks": len(result.verdicts),
    }  # fmt: skip
    statuses: dict[str, int] = {}
    for verdict in result.verdicts:
        event = _event(verdict, result, adapter, known)
        statuses[event["status"]] = statuses.get(event["status"], 0) + 1
        yield event
    yield {
        "event": "end", "target": result.client, "verdicts": statuses,
        "exchanges": sum(len(each.exchanges) for each in result.histories),
        "ok": not (statuses.keys() & {"FAIL", "XPASS"}), "scorecard": line(result),
        "seconds": round(result.seconds, 3),
    }  # fmt: skip


def _event(
    verdict: Verdict, result: Result, adapter: str, known: Mapping[str, str]
) -> dict[str, Any]:
    event = verdict_event(verdict, _seed(result))
    check = verdict.check
    if check.id in known:
        event["status"] = "XFAIL" if verdict.broken else "XPASS"
        event["reason"] = known[check.id]
    if isinstance(check, ClientCheck) and check.fix:
        event["fix"] = check.fix
    for failure, finding in zip(event["failures"], verdict.findings, strict=True):
        failure["contract"] = f"{EDITION}/{VERSION}"
        failure["client"] = {
            "adapter": adapter, "case": finding.history.case, "seed": result.seed,
        }  # fmt: skip
    return event


def _seed(result: Result) -> int:
    return int(result.seed) if result.seed.isdigit() else 0
