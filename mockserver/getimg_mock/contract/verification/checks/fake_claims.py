"""GE: the evidence, the ranges and the faults of the fake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.evidence.claims import find_flaw
from getimg_mock.contract.provider.modelled_ranges import build_ranges, check_times
from getimg_mock.contract.verdicts import check, expect
from getimg_mock.contract.verification.paired_responses import fits_schema
from getimg_mock.world.operations import find_answer_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.contract.verification.comparison import Comparison


@check(
    "GE907",
    "Every behaviour of the fake names its evidence; what was observed cites it",
    severity="major",
    evidence="seed",
    cost="0",
    why="A guess must not be mistaken for a fact.",
    fix="Add the mark to the claim, or record the observation that it cites.",
)
def claims_have_evidence(comparison: Comparison) -> Iterator[Observation]:
    """Require a mark of evidence for each claim, and a known source for an observed one.

    Applies to the claims of the fake. Fails on a claim without a mark, and on a citation that no
    record has.
    """
    for place, mark in sorted(comparison.claims.items()):
        flaw = find_flaw(mark, comparison.cited)
        yield expect(not flaw, f"a mark of evidence at {place}", flaw)


@check(
    "GE908",
    "Evidence is at most 180 days old, or as old as --stale-after allows",
    severity="major",
    evidence="seed",
    cost="0",
    why="The API changes, and old evidence does not show it.",
    breach="STALE",
    fix="Run the checks against the service again, and record the evidence.",
)
def evidence_is_fresh(comparison: Comparison) -> Iterator[Observation]:
    """Require that each confirmed check was observed recently enough.

    Applies to every recorded observation. Reports STALE when one is older than the limit (180 days
    by default).
    """
    now = comparison.now
    for name, seen in sorted(comparison.observed.items()):
        if now is not None:
            yield expect(
                now - seen <= comparison.stale_after,
                f"{name} seen within {comparison.stale_after.days} days",
                f"{seen:%Y-%m-%d}",
            )


@check(
    "GE909",
    "Times, numbers of polls, lifetimes of links and waits are in the modelled ranges",
    severity="minor",
    evidence="seed",
    cost="T",
    why="Timeouts are tuned against the fake.",
    fix="Widen the fake's settings for that range, or look for the reason of the outlier.",
)
def values_are_in_range(comparison: Comparison) -> Iterator[Observation]:
    """Require durations and counts within the ranges that the fake models.

    Applies to histories of the other target without injected faults. Warns when a value lies
    outside.
    """
    for history in comparison.other:
        if not history.plan.rules:
            given = {**comparison.settings, **dict(history.plan.world)}
            yield from check_times(history, build_ranges(given))


@check(
    "GE911",
    "Every response under an injected fault is one that the API could give",
    severity="blocker",
    evidence="seed",
    cost="fake",
    why="A client must not fail because of an impossible response.",
    fix="Change the scenario's response to a documented one, or to a gateway's.",
)
def faults_are_legal(comparison: Comparison) -> Iterator[Observation]:
    """Require that the API, a network or a gateway could give each response under a scenario.

    Applies to the fake's responses under injected faults. Fails on a body or status that no real
    component sends.
    """
    for history in comparison.fake:
        for each in history if history.plan.rules else ():
            if each.operation:
                yield expect(
                    _is_legal(each),
                    "a response that the API itself could give",
                    f"{each.status} {each.kind} {each.body[:120]!r}",
                    each,
                )


def _is_legal(exchange: HttpExchange) -> bool:
    """Whether the real API, or a network or gateway before it, could give this response."""
    if not exchange.status:
        return True
    if exchange.kind == "text/html":
        return exchange.status >= 500
    if exchange.operation == "downloads.retrieve" and exchange.status < 400:
        whole = exchange.fields.get("content-length") == str(len(exchange.body))
        return exchange.kind.startswith(("image/", "video/")) and whole
    known = find_answer_schema(exchange.operation, exchange.status) is not None
    return exchange.kind == "application/json" and known and fits_schema(exchange)
