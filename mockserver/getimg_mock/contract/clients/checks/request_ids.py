"""GC307: the request id on an error is that of the request that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import NO_RETRIES, Case, balance, image, models
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.error_reporting import FALLBACK_CALL
from getimg_mock.contract.clients.checks.own_requests import find_answer, find_request_id
from getimg_mock.contract.clients.checks.submission_rules import build_submission_rules
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


def cases(stream: Stream) -> Iterator[Case]:
    """Yield the case."""
    yield _build_request_id_case(stream.letters[:12])


def _build_request_id_case(letters: str) -> Case:
    """Return the case in which some answers have a request id, and others have none."""
    ids = [(("X-Request-Id", f"req_{letters}{n}"),) for n in range(3)]
    good = fault_actions.change_answer(lambda answer: answer.with_headers(*ids[0]))
    refusals = [
        build_error(400, "invalid_parameter", "No.", *named)
        for named in ((), ids[1], (), ids[2], ())
    ]
    refuse = fault_actions.answer_by_call(refusals * 3)
    return Case(
        name="request-id-of-another",
        calls=(*(image(),) * 5, *(balance(),) * 5, models(), *(FALLBACK_CALL,) * 4),
        options=NO_RETRIES,
        rules=(
            *build_submission_rules("some with an id", refuse),
            FaultRule(on="billing.balance", label="some with an id", do=refuse, must=False),
            FaultRule(on="models.list", label="an id", do=good, must=False),
        ),
    )


@client_check(
    "GC307",
    "The request id of a refused request is reachable from the error",
    severity="minor",
    evidence="choice",
    why="The provider's support asks for it.",
    fix="Keep the response's headers on the error.",
    cases=("request-id*", "errors", "errors-of-reads"),
)
def request_ids_are_reachable(history: ClientHistory) -> Iterator[Observation]:
    """Demands that the `X-Request-Id` of a refused request is on the error or in its text.

    Fails when the id is in neither place.
    """
    for outcome in history.calls():
        for each in find_answer(history, outcome) if outcome.kind == "error" else ():
            expected = find_request_id(each)
            reachable = outcome.error.get("request_id") == expected or expected in outcome.text
            yield expect(reachable, f"the request id {expected}", outcome.shown, each)
