"""GC306 and GC307: texts of errors that are hard to print, and ids of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    NO_RETRIES,
    Case,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import WireStep, build_error
from getimg_mock.contract.clients.checks.own_requests import find_answer
from getimg_mock.contract.clients.checks.submission_rules import build_submission_rules
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_CONTROL_CHARACTERS: Final = "bell \x07 escape \x1b[31m nul \x00 and a line \u2028 separator"
_TOGETHER: Final = "request-id-together"
_FIRST: Final = "the first"
_SECOND: Final = "the second"
_IDS: Final = ("req_5kQ1first7T", "req_5kQ1other8W")
"""The request ids of two orders at the same time."""
_SURROGATE: Final = "a lone \ud800 surrogate"
_FALLBACK_CALL: Final = video().instead_of("generate_image")


def cases(stream: Stream) -> Iterator[Case]:
    """Yield the cases."""
    request_id = f"req_{stream.letters[:12]}"
    yield _build_earlier_id_case(request_id)
    yield _build_case_of_two()
    for name, label, answer in (
        (
            "control-characters",
            "control characters",
            build_error(400, "invalid_parameter", _CONTROL_CHARACTERS),
        ),
        (
            "control-surrogate",
            "a lone surrogate",
            build_error(400, "invalid_parameter", _SURROGATE),
        ),
        (
            "request-id",
            "request id",
            build_error(400, "invalid_parameter", "No.", ("x-request-id", request_id)),
        ),
    ):
        refuse = fault_actions.answer_instead(answer)
        yield Case(
            name=name,
            calls=(image(), _FALLBACK_CALL),
            options=NO_RETRIES,
            rules=build_submission_rules(label, refuse, legal=name != "control-surrogate"),
        )


def _build_earlier_id_case(request_id: str) -> Case:
    """Return the case in which an answer has a request id, and the refusal after it has none.

    Before the order that is refused, another one was made, whose id is not that of the refused one.
    """

    def refuse(turn: FaultContext) -> WireAnswer:
        first = _FIRST.encode() in turn.asked.body
        return turn.proceed() if first else build_error(400, "invalid_parameter", "No.")

    named = fault_actions.change_answer(lambda a: a.with_headers(("X-Request-Id", request_id)))
    reads = (balance(), models().instead_of("balance"))
    first = (image(prompt=_FIRST), video(prompt=_FIRST).instead_of("generate_image"))
    return Case(
        name="request-id-earlier",
        calls=(*reads, *first, image(), _FALLBACK_CALL),
        settings={"video_seconds": 1},
        options=NO_RETRIES,
        rules=(
            *build_submission_rules("no request id", refuse),
            FaultRule(on="billing.balance", label="an id", do=named, must=False),
            FaultRule(on="models.list", label="an id", do=named, must=False),
        ),
    )


def _build_case_of_two() -> Case:
    """Return the case of two orders at the same time that are refused, each with an id."""

    def refuse(turn: FaultContext) -> WireScript:
        own = _IDS[_SECOND.encode() in turn.asked.body]
        answer = build_error(400, "invalid_parameter", "No.", ("X-Request-Id", own))
        return (WireStep(answer.head()), WireStep(answer.body, 1.0))

    orders = (image(), image(prompt=_SECOND))
    waits = (video(), video(prompt=_SECOND))
    return Case(
        name=_TOGETHER,
        calls=(*orders, *(each.instead_of("generate_image") for each in waits)),
        together=True,
        options=NO_RETRIES,
        rules=build_submission_rules("two request ids", refuse),
    )


@client_check(
    "GC306",
    "An error whose message has control characters can be printed",
    severity="minor",
    evidence="standard",
    why="JSON may contain any code point, even a lone surrogate.",
    fix="Replace what UTF-8 cannot encode when building the message.",
    source="RFC 8259, section 8.2",
    cases=("control-*",),
)
def errors_are_printable(history: ClientHistory) -> Iterator[Observation]:
    """Demands an error that can be printed when its message has control characters.

    Fails when encoding the text as UTF-8 raises, as it does for a lone surrogate.
    """
    for outcome in history.calls():
        yield expect(
            outcome.kind == "error" and outcome.error.get("printable", True),
            "an error that can be printed",
            ascii(outcome.shown),
            *find_answer(history, outcome),
        )


@client_check(
    "GC307",
    "The request id of a refused request is reachable from the error",
    severity="major",
    evidence="choice",
    why="The provider's support asks for it.",
    fix="Keep the response's headers on the error.",
    cases=("request-id", "request-id-*"),
)
def request_ids_are_reachable(history: ClientHistory) -> Iterator[Observation]:
    """Demands that the `X-Request-Id` of a refused request is on the error or in its text.

    Fails when the id of an earlier request is there, or of one at the same time, and so it does for
    the id of an earlier generation. That none is there is a warning, as no documentation names the
    header.
    """
    if history.case == _TOGETHER:
        yield from _ids_are_their_own(history)
        return
    earlier: list[str] = []
    for outcome in history.calls():
        for each in find_answer(history, outcome):
            headers = {name.lower(): value for name, value in each.headers}
            expected = headers.get("x-request-id", "")
            named = (outcome.error.get(name) for name in ("request_id", "generation"))
            told = " ".join(map(str, (outcome.text, *named)))
            if outcome.kind == "value":
                made = outcome.value.get("id") if isinstance(outcome.value, dict) else None
                earlier += [name for name in (expected, made) if isinstance(name, str) and name]
                continue
            if earlier:
                other = any(name in told for name in earlier)
                yield expect(not other, "no id of another request", told, each)
                continue
            reachable = outcome.error.get("request_id") == expected or expected in outcome.text
            yield warn_unless(reachable, f"the request id {expected}", outcome.shown, each)


def _ids_are_their_own(history: ClientHistory) -> Iterator[Observation]:
    """Judge the ids on the errors of two orders: requests at one time are told by their prompts."""
    for outcome in history.calls("generate_image", "generate_video"):
        own, other = _IDS if outcome.args.get("prompt") != _SECOND else reversed(_IDS)
        told = f"{outcome.text} {outcome.error.get('request_id')}"
        yield expect(
            outcome.kind == "error" and other not in told,
            f"no request id but {own}",
            f"{outcome.shown}; id {outcome.error.get('request_id')}",
        )
