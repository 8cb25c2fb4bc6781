"""GC416: what is known of an order whose answer is lost, or odd, is told to the caller."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.several_errors import RETRIED, judge_retried_losses
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.verdicts import Observation

_CLAIMED_FREE: Final = re.compile(
    r"\b(not|never|nothing|no)\b[^.;]{0,24}\b(charged?|billed|costs?)\b", re.IGNORECASE
)
_ODD_SUCCESSES: Final = (
    "missing-image",
    "missing-accepted",
    "mistyped-image",
    "mistyped-accepted",
    "beyond-image",
    "beyond-accepted",
    "unknown-status-*",
)
"""Cases whose answers to orders have an id, while something else is missing or wrong.

JSON that is cut has none: to look for one in what cannot be read is more than can be asked.
"""


@client_check(
    "GC416",
    "An unknown outcome is reported as unknown, and an id that was told is passed on",
    severity="blocker",
    evidence="choice",
    why="Only then can the caller check the ledger, or look for the result, before paying again.",
    fix="Raise a distinct error once the request may have reached the server; put the id on the "
    "error for an answer that has one, whatever else is wrong with it.",
    cases=(
        "unknown-*",
        "lost-reset-*",
        "lost-close-*",
        "lost-timeout-*",
        "lost-502-*",
        "lost-504-*",
        "lost-524-*",
        *_ODD_SUCCESSES,
    ),
)
def unknown_outcomes_are_told(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error that differs from that of a refused connection when an answer is lost.

    Fails when the call returns a value, raises the type that also means that nothing was sent, or
    says that nothing was charged. An error that has a field for it, such as `outcome_unknown`, has
    to set it. Where a refusal comes before or after the loss, fails on an error like that of the
    refusal alone. Where a success has an id, but something else in it is missing or wrong, fails
    on an error without that id: it has to be in its text or on an attribute.
    """
    if history.case == RETRIED:
        yield from judge_retried_losses(history)
        return
    if any(fnmatchcase(history.case, each) for each in _ODD_SUCCESSES):
        yield from _ids_are_passed_on(history)
        return
    if not history.case.startswith("unknown-"):
        yield from _losses_are_not_denied(history)
        return
    yield from _losses_are_told(history)


def _losses_are_told(history: ClientHistory) -> Iterator[Observation]:
    """Judge losses by comparison with a refused connection."""
    for outcome in history.calls():
        lost = [each for each in history.during(outcome) if each.label == "work done, answer lost"]
        if not lost:
            continue
        known = [each for each in history.calls() if each is not outcome and each.kind == "error"]
        same = any(each.error.get("type") == outcome.error.get("type") for each in known)
        told = outcome.kind == "error" and (bool(outcome.error.get("unknown")) or not same)
        told = told and not _is_denied(outcome)
        yield expect(
            told,
            "an error that says the outcome is unknown, unlike a refused connection",
            outcome.shown,
            *lost,
        )


def _is_denied(outcome: CallOutcome) -> bool:
    """Return whether an error says that its outcome is known, or that nothing was charged."""
    return outcome.error.get("unknown") is False or bool(_CLAIMED_FREE.search(outcome.text))


def _losses_are_not_denied(history: ClientHistory) -> Iterator[Observation]:
    """Judge losses where no refused connection can be had for comparison."""
    for outcome in history.calls():
        lost = [each for each in history.during(outcome) if each.paid and each.label]
        if lost and outcome.kind == "error":
            yield expect(
                not _is_denied(outcome),
                "an error that does not say that nothing was done or charged",
                outcome.shown,
                *lost[:2],
            )


def _ids_are_passed_on(history: ClientHistory) -> Iterator[Observation]:
    """Judge the errors for orders that were answered with a success, and an id in it."""
    for outcome in history.calls("generate_image", "submit_video", "generate_video"):
        sent = [each for each in history.during(outcome) if each.submits]
        name = sent[-1].object.get("id") if sent and sent[-1].status < 300 else None
        if outcome.kind != "error" or not isinstance(name, str) or not name:
            continue
        places = (outcome.text, outcome.error.get("generation"), outcome.error.get("carried"))
        yield expect(
            any(name in str(each) for each in places),
            f"the id {name}, on the error or in its text",
            outcome.shown,
            sent[-1],
        )
