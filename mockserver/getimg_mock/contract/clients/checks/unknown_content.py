"""GC201 and GC205: fields and error codes of a later version of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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
from getimg_mock.contract.clients.cases.schema_variants import with_unknown_fields
from getimg_mock.contract.clients.cases.value_comparison import resolve_pointer
from getimg_mock.contract.clients.cases.wire_script import build_json_answer
from getimg_mock.contract.clients.checks.message_variants import (
    COSTS,
    MODEL,
    RETRIEVE,
)
from getimg_mock.contract.clients.checks.own_requests import find_answer
from getimg_mock.contract.clients.checks.repeated_cases import build_series
from getimg_mock.contract.clients.checks.response_parsing import judge_outcome
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        ClientHistory,
    )
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream


_ERROR: Final = {
    "message": "A new kind of refusal.",
    "type": "invalid_request_error",
    "param": None,
    "code": "brand_new_code",
    "retryable": False,
    "details": [{"reason": "x"}],
}

_ODD_CODE: Final = "Brand.New-Code/2"
"""A code that is spelled otherwise than those of today."""


def cases(stream: Stream) -> Iterator[Case]:
    """Yield the cases."""
    grow = fault_actions.change_json(lambda value: _add_fields(value, stream))
    yield Case(
        name="unknown-fields",
        options=NO_RETRIES,
        settings={"video_seconds": 2},
        calls=(image(), video(), models(), MODEL, balance(), COSTS),
        rules=(FaultRule(on="*", do=grow, label="unknown fields"),),
    )
    refused = build_json_answer(422, {"error": _ERROR, "trace": {"id": "t"}})
    spelled = build_json_answer(422, {"error": _ERROR | {"code": _ODD_CODE}})
    yield build_series("unknown-error", image(), "images.generate", [refused, spelled])
    failed = {"id": "req-GREASE0000002", "status": "failed", "error": _ERROR | {"extra": 1}}
    yield build_series("unknown-failure", RETRIEVE, "videos.retrieve", [failed])
    fail_as_later = fault_actions.change_json(lambda value: failed | {"id": value["id"]})
    yield Case(
        name="unknown-failure-waited",
        calls=(video(),),
        settings={"video_seconds": 1},
        rules=(FaultRule(on="videos.retrieve", do=fail_as_later, label="unknown failure"),),
    )


def _add_fields(value: Any, stream: Stream) -> Any:
    """Return a message with unknown fields, and in a generation that has not failed no error."""
    grown = with_unknown_fields(value, stream)
    without_error = isinstance(value, dict) and "status" in value and "error" not in value
    return grown | {"error": None} if without_error else grown


@client_check(
    "GC201",
    "Fields of a later version are ignored, in every object",
    severity="major",
    evidence="choice",
    why="Models have gained fields from one version to the next; the SDK's types allow more.",
    fix="Read the known fields and ignore the others.",
    cases=("unknown-fields",),
)
def unknown_fields_are_left_alone(history: ClientHistory) -> Iterator[Observation]:
    """Demands that unknown fields in any object are ignored.

    Generations that have not failed have `"error": null` as well, which is no error.
    Fails when such an answer raises, or when a known field arrives changed. Warns when a client
    returns some of the unknown fields and drops others.
    """
    for outcome in history.calls():
        yield judge_outcome(history, outcome)
        sent = find_answer(history, outcome)
        if outcome.kind != "value" or not sent:
            continue
        kept = {
            pointer: resolve_pointer(outcome.value, pointer) == value
            for pointer, value in _find_unknown_fields(sent[0].plain)
            if isinstance(resolve_pointer(outcome.value, pointer.rpartition("/")[0]), dict)
        }
        lost = [pointer for pointer, right in kept.items() if not right]
        yield warn_unless(
            not lost or len(lost) == len(kept),
            "every unknown field, or none",
            f"{', '.join(lost)} lost",
            *sent,
        )


def _find_unknown_fields(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name.startswith("x_"):
                yield f"{pointer}/{name}", each
            else:
                yield from _find_unknown_fields(each, f"{pointer}/{name}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _find_unknown_fields(each, f"{pointer}/{place}")


@client_check(
    "GC205",
    "An unknown error code, with further fields, is surfaced as it is",
    severity="major",
    evidence="choice",
    why="The caller needs the code and the message that the server gave.",
    fix="Keep code and message as strings.",
    cases=("unknown-error", "unknown-failure*"),
)
def unknown_errors_are_surfaced(history: ClientHistory) -> Iterator[Observation]:
    """Demands that an unknown error code and its message reach the caller.

    Tries a refused request and a failed video, also one that is waited for, of which the message is
    enough. Fails when either text is missing from the error, or when the error is not clear.
    """
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        text = f"{outcome.text} {outcome.error.get('code')} {outcome.value}"
        code = (
            str(sent[0].error.get("code")) if sent and sent[0].status >= 400 else "brand_new_code"
        )
        told = code in text or outcome.op == "generate_video"
        seen = told and "A new kind of refusal." in text
        right = outcome.clear or (outcome.op == "retrieve_video" and outcome.kind == "value")
        yield expect(right and seen, "code and message of the error", outcome.shown, *sent)
