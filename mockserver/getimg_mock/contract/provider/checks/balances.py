"""GP5: what changes the balance of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.exchanges import read_balance
from getimg_mock.contract.provider.charges import (
    compute_growth,
    expect_free,
    expect_same_costs,
    pair_cost_reads,
    sum_delivered,
)
from getimg_mock.contract.provider.run_balances import compare_over_a_run
from getimg_mock.contract.verdicts import check, expect, fail_as

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import BalanceInterval, History
    from getimg_mock.contract.verdicts import Observation


def _has_unknown_outcome(span: BalanceInterval) -> bool:
    return any(
        each.submits and (each.status in {0, 200, 202}) and not each.generation
        for each in span.between
    )


@check(
    "GP504",
    "The balance falls by the total_cost of what was delivered, and nothing else",
    severity="blocker",
    evidence="common-sense",
    cost="T",
    across=compare_over_a_run,
    why="Any other change of the balance is lost money. On a service every generation of a run "
    "counts: what goes wrong once in twenty is missed by sixty of them with 5 %.",
    fix="Record one ledger entry for each delivered generation, and derive the balance from the "
    "ledger.",
)
def balances_follow_costs(history: History) -> Iterator[Observation]:
    """Require that the balance falls by the `total_cost` of what was delivered.

    Applies between two balance reads when every generation has ended. Fails on any other
    difference. Source: inferred.
    """
    for span in history.settled_intervals:
        total = sum_delivered(history, span.between)
        if total is None or span.spent is None or _has_unknown_outcome(span):
            continue
        made = [each for each in span.between if each.accepted][:4]
        wanted, came = f"the balance falls by {total}", f"by {span.spent}"
        if history.own or span.spent == total:
            yield expect(span.spent == total, wanted, came, span.before, *made, span.after)
        elif span.spent < total:  # a service may charge later
            yield fail_as("INFO", wanted, came, span.before, *made, span.after)
        else:
            yield expect_free(history, span, wanted, *made)


@check(
    "GP505",
    "A refused request (4xx, 429, 5xx) costs nothing",
    severity="blocker",
    evidence="common-sense",
    cost="0",
    why="Nothing was delivered.",
    fix="Release holds on every error path, and charge on delivery only.",
)
def refusals_are_free(history: History) -> Iterator[Observation]:
    """Require that a refused request (4xx, 429 or 5xx) costs nothing.

    Applies between two balance reads with refused submissions only. Fails when the balance changes.
    Source: our choice.
    """
    for span in (*history.settled_intervals, *_find_instant_intervals(history)):
        sent = [each for each in span.between if each.method == "POST"]
        if sent and all(each.status >= 400 for each in sent):
            yield expect_free(history, span, "refused requests are free", *sent[:4])


def _find_instant_intervals(history: History) -> Iterator[BalanceInterval]:
    """Yield intervals of submissions alone, in which no time passed for a video to end."""
    for window in history.balance_intervals if history.own else ():
        if window.before.at == window.after.at and all(each.submits for each in window.between):
            yield window


@check(
    "GP506",
    "A failed video costs nothing",
    severity="blocker",
    evidence="common-sense",
    cost="1",
    why="Nothing was delivered.",
    fix="Release the hold of a failed generation, and book no cost for it.",
)
def failures_are_free(history: History) -> Iterator[Observation]:
    """Require that a failed video costs nothing, in the balance and in the costs.

    Applies to intervals in which all generations failed. Fails when the balance falls or the costs
    grow. Source: our choice.
    """
    for span in history.settled_intervals:
        begun = _find_failures(history, span.between)
        if begun:
            yield expect_free(history, span, "failed videos are free", *begun[:3])
    for first, last, between in pair_cost_reads(history):
        begun, grown = _find_failures(history, between), compute_growth(first, last)
        if begun and grown is not None:
            yield expect_same_costs(
                history, grown, "no failed video in the costs", first, *begun[:3], last
            )


def _find_failures(history: History, exchanges: Sequence[HttpExchange]) -> list[HttpExchange]:
    """Return the accepted submissions if all their generations failed, else nothing."""
    begun = [each for each in exchanges if each.accepted]
    ends = [history.ended.get(each.generation) for each in begun]
    return begun if all(end and end.object.get("status") == "failed" for end in ends) else []


@check(
    "GP507",
    "A generation is charged once, however often it is polled and downloaded",
    severity="blocker",
    evidence="common-sense",
    cost="T",
    why="Clients poll and download repeatedly.",
    fix="Charge when a generation ends, and make reads and downloads free of ledger entries.",
)
def generations_are_charged_once(history: History) -> Iterator[Observation]:
    """Require that a generation is charged once, however often it is read.

    Applies to intervals with polls and downloads only. Fails when the balance falls or the costs
    grow. Source: inferred.
    """
    for span in history.settled_intervals:
        reads = _select_reads(span.between)
        if reads:
            yield expect_free(
                history, span, "no charge for polls and repeated downloads", *reads[:4]
            )
    for first, last, between in pair_cost_reads(history):
        reads, grown = _select_reads(between), compute_growth(first, last)
        if reads and grown is not None:
            yield expect_same_costs(
                history,
                grown,
                "no costs of polls and repeated downloads",
                first,
                *reads[:4],
                last,
            )


def _select_reads(exchanges: Sequence[HttpExchange]) -> list[HttpExchange]:
    """Return the polls and downloads; nothing if there is a submission among them."""
    if any(each.submits for each in exchanges):
        return []
    return [e for e in exchanges if e.operation in {"videos.retrieve", "downloads.retrieve"}]


@check(
    "GP512",
    "The balance never falls below 0; a request that it cannot pay gets 402 before any work",
    severity="blocker",
    evidence="common-sense",
    cost="fake",
    why="Documented: a prepaid balance.",
    fix="Reserve the price atomically before work begins, and answer 402 when that fails.",
)
def balances_stay_above_zero(history: History) -> Iterator[Observation]:
    """Require a balance of at least 0, and 402 before any work that cannot be paid.

    Applies to balance reads, and to requests that cost more than the balance. Fails on a negative
    balance, another status or an effect. Source: inferred.
    """
    for each in history.with_operation("billing.balance"):
        amount = read_balance(each)
        if each.status == 200 and amount is not None:
            yield expect(amount >= 0, "a balance of at least 0", str(amount), each)
    for each in history.with_role("too-dear"):
        yield expect(
            each.status == 402, "402 before any work", f"{each.status} {each.body[:100]!r}", each
        )
        if each.effects is not None:
            yield expect(
                not each.effects,
                "no work for a request that the balance cannot pay",
                each.effects,
                each,
            )
