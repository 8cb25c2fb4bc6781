"""Calls that meet several errors, one after another: which of them reaches the caller.

GC301 and GC303 want the last refusal told, whatever tries are used up. GC416 wants a loss told,
wherever among the tries it was.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    RANGE,
    Case,
    ClientCall,
    balance,
    image,
    models,
)
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.files import DOWNLOAD_OPERATION, describe_result
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import CallOutcome, ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

RETRIED: Final = "unknown-retried"
CHANGING: Final = "errors-changing"
SPENT: Final = "errors-spent"
REFUSED_OFTEN: Final = (CHANGING, RETRIED, SPENT)
"""The cases in which a call is refused more than once."""

_SOON: Final = ("Retry-After", "1")
_BUSY: Final = build_error(429, "rate_limit", "Too many requests.", _SOON)
_DOWN: Final = build_error(503, "server_error", "Down for a moment; nothing was done.", _SOON)
_UNPAID: Final = build_error(402, "quota_exceeded", "Insufficient balance.")
_WRONG_KEY: Final = build_error(401, "invalid_api_key", "Incorrect API key provided.")
_FORBIDDEN: Final = build_error(403, "forbidden", "Not with this key.")
_WRONG: Final = build_error(400, "invalid_parameter", "Unsupported resolution '4K'.")
_PAGE: Final = fault_actions.build_page(502)

_AT_ONCE: Final = ("Retry-After", "0")
_BUSY_READ: Final = build_error(429, "rate_limit", "Too many of these were read.", _AT_ONCE)
_DOWN_READ: Final = build_error(503, "server_error", "Reads are down for a moment.", _AT_ONCE)
_BROKEN_READ: Final = build_error(500, "server_error", "Something went wrong on our end", _AT_ONCE)
_SPENT_READS: Final = {
    "models.list": (_BUSY_READ, _DOWN_READ),
    "billing.costs": (_DOWN_READ, _BUSY_READ),
    "videos.retrieve": (_BROKEN_READ, _BROKEN_READ),
    DOWNLOAD_OPERATION: (_DOWN_READ, _DOWN_READ),
}
"""What meets the first try of each read, and what the others. Nothing has to be waited for."""

_REFUSE_BUSY: Final = fault_actions.answer_instead(_BUSY)
_REFUSE_DOWN: Final = fault_actions.answer_instead(_DOWN)
_REFUSE_UNPAID: Final = fault_actions.answer_instead(_UNPAID)

_TRIES: Final[tuple[tuple[FaultAction, FaultAction], ...]] = (
    (_REFUSE_BUSY, _REFUSE_BUSY),
    (_REFUSE_DOWN, _REFUSE_DOWN),
    (_REFUSE_UNPAID, _REFUSE_UNPAID),
    (_REFUSE_BUSY, fault_actions.lose_answer("reset")),
    (_REFUSE_DOWN, fault_actions.truncate),
    (fault_actions.answer_after_work(_PAGE), _REFUSE_UNPAID),
    (fault_actions.lose_answer("close"), _REFUSE_UNPAID),
)
"""What meets the first order of each call, and what the others: refusals alone come first."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    rule = FaultRule(on="images.generate", do=_act_by_try, label="refused, and lost", legal=False)
    yield Case(
        name=RETRIED,
        calls=tuple(image(prompt=f"try {number}") for number in range(len(_TRIES))),
        # Two tries are enough, and each takes a second of a program's real time.
        options={"max_retries": 1},
        needs=("retries",),
        limit=3 * HOUR,
        patience=12,
        rules=(rule,),
    )
    later = (_UNPAID, _WRONG_KEY, _WRONG)
    yield Case(
        name=CHANGING,
        calls=(*(image(prompt=f"try {number}") for number in range(3)), models(), balance()),
        needs=("retries",),
        limit=HOUR,
        patience=12,
        rules=(
            FaultRule(on="images.generate", do=_refuse_in_turn(later), label="429, then another"),
            _build_read_rule("models.list", _BUSY, nth=(1,)),
            _build_read_rule("models.list", _WRONG_KEY),
            _build_read_rule("billing.balance", _DOWN, nth=(1,)),
            _build_read_rule("billing.balance", _FORBIDDEN),
        ),
    )
    yield _build_spent_case()


def _build_spent_case() -> Case:
    """Return the case of reads that are refused until their tries are used up."""
    result = describe_result("req-01K6SPENT000001")
    return Case(
        name=SPENT,
        calls=(
            models(),
            ClientCall(op="costs", args=RANGE),
            ClientCall(op="retrieve_video", args={"id": "req-01K6SPENT000002"}),
            ClientCall(op="download", args={"result": result}),
        ),
        options={"max_retries": 1},
        needs=("retries",),
        limit=HOUR,
        patience=12,
        rules=tuple(
            rule
            for on, (first, then) in _SPENT_READS.items()
            for rule in (_build_read_rule(on, first, nth=(1,)), _build_read_rule(on, then))
        ),
    )


def _build_read_rule(on: str, answer: WireAnswer, nth: tuple[int, ...] = ()) -> FaultRule:
    act = fault_actions.answer_instead(answer)
    return FaultRule(on=on, do=act, label=f"{answer.status}", nth=nth, must=False)


def _count_tries(turn: FaultContext) -> tuple[int, int]:
    """Return the number of the call that an order is of, and of the orders that it sent before.

    The prompt says so: how often a client tries is its own affair.
    """
    prompt = json.loads(turn.asked.body)["prompt"]
    before = (each.request_body for each in turn.adversary.exchanges if each.submits)
    sent = [json.loads(body).get("prompt") for body in before if body]
    return int(prompt.partition(" ")[2]), sent.count(prompt)


def _act_by_try(turn: FaultContext) -> WireAnswer | WireScript:
    call, tries = _count_tries(turn)
    return _TRIES[call][min(tries, 1)](turn)


def _refuse_in_turn(later: tuple[WireAnswer, ...]) -> FaultAction:
    """Return the action that refuses an order by a limit at first, and then for good."""

    def act(turn: FaultContext) -> WireAnswer:
        call, tries = _count_tries(turn)
        return later[call] if tries else _BUSY

    return act


def judge_retried_losses(history: ClientHistory) -> Iterator[Observation]:
    """Judge the errors of calls of which one order was executed, and another one refused.

    A caller who learns of the refusal alone believes that no order was made, and pays again.
    """
    outcomes = [each for each in history.calls("generate_image") if each.kind == "error"]
    paid = [any(sent.paid for sent in history.during(each)) for each in outcomes]
    refused = [each for each, made in zip(outcomes, paid, strict=True) if not made]
    for outcome, made in zip(outcomes, paid, strict=True):
        if made:
            known = any(_is_same(outcome, each) for each in refused)
            unknown = outcome.error.get("unknown")
            yield expect(
                unknown or (unknown is None and not known),
                "an error that says the outcome is unknown, unlike that of a refusal",
                outcome.shown,
                *history.during(outcome)[:2],
            )


def _is_same(outcome: CallOutcome, other: CallOutcome) -> bool:
    """Return whether two errors have the same type, and the same status and code."""
    return all(
        outcome.error.get(each) == other.error.get(each) for each in ("type", "status", "code")
    )
