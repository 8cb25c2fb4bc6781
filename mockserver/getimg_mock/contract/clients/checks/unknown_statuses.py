"""GC204: a status of a later version, in a call that waits and in one that returns an answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import HOUR, Case, image, video
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.checks.message_variants import VIDEO_ANSWER
from getimg_mock.contract.clients.checks.own_requests import find_answer
from getimg_mock.contract.clients.checks.repeated_cases import build_series
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect, warn_unless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_FAILED: Final = re.compile(r"[a-z]Fail(ed|ure)|\bfailed\b(?! to\b)")
"""How errors name a failed video: by a type such as GenerationFailed, or in a sentence."""


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases."""
    processing = fault_actions.change_json(lambda v: {"id": v["id"], "status": "processing"})
    rendering = fault_actions.change_json(
        lambda v: VIDEO_ANSWER | {"id": v["id"], "status": "rendering"}
    )
    queued = fault_actions.change_json(fault_actions.merge_fields({"status": "queued"}))
    yield _build_wait_case("poll", "videos.retrieve", processing, "unknown status")
    yield _build_wait_case("early", "videos.retrieve", rendering, "unknown status, with data")
    yield _build_wait_case("submit", "videos.create", queued, "unknown status")
    yield build_series(
        "unknown-status-bare",
        image(),
        "images.generate",
        [{"id": "req-GREASE0000001", "status": "processing"}],
        legal=False,
    )


def _build_wait_case(name: str, on: str, act: FaultAction, label: str) -> Case:
    """Return a case that waits for a video whose status is unknown at first."""
    nth = (1, 2) if on == "videos.retrieve" else ()
    return Case(
        name=f"unknown-status-{name}",
        calls=(video(),),
        settings={"video_seconds": 2.5},
        limit=HOUR,
        rules=(FaultRule(on=on, nth=nth, label=label, do=act, legal=False),),
    )


@client_check(
    "GC204",
    "An unknown status is neither success nor the end",
    severity="blocker",
    evidence="choice",
    why="A paid job whose result is never collected is lost.",
    fix="Wait for completed or failed, or raise; return an answer with its status unchanged.",
    cases=("unknown-status-*",),
)
def unknown_status_is_no_success(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a client does not treat an unknown status as success or as the end.

    A call that waits has to go on, or raise a clear error. A call that returns an answer has to
    leave its status readable. Fails on a result without a completed status, and on an error that
    says that the video failed. Warns when an unfinished image is returned as a result.
    """
    for outcome in history.calls():
        sent = find_answer(history, outcome)
        status = sent[0].object.get("status") if sent else None
        if outcome.op == "generate_video":
            yield _judge_wait(history, outcome, sent, status)
            continue
        as_it_came = status is not None and _status(outcome) == status
        yield expect(
            as_it_came or outcome.clear,
            f"the status {status!r} as it came, or a clear error",
            outcome.shown,
            *sent,
        )
        if outcome.op == "generate_image" and as_it_came:
            yield warn_unless(
                status == "completed", "a finished image, or an error", outcome.shown, *sent
            )


def _judge_wait(
    history: ClientHistory, outcome: CallOutcome, sent: list[ClientExchange], status: Any
) -> Observation:
    """Return whether a call that waits went on, or raised an error that calls nothing failed."""
    waits = outcome.kind == "abandoned" and not history.virtual
    done = outcome.kind == "value" and status == "completed"
    told_failed = outcome.kind == "error" and bool(_FAILED.search(outcome.text))
    return expect(
        (done and _status(outcome) in {None, "completed"})
        or (outcome.clear and not told_failed)
        or waits,
        "to wait on, or a clear error that does not call the video failed",
        outcome.shown,
        *sent,
    )


def _status(outcome: CallOutcome) -> Any:
    """Return the status in what a call returned; None when it returned none."""
    if outcome.kind != "value" or not isinstance(outcome.value, dict):
        return None
    return outcome.value.get("status")
