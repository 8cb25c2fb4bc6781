"""Outages of polls, as GC504 judges them: a video that cannot be looked at has not failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import video
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.message_variants import answer_failed
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.checks.polling import (
    SLOW_VIDEO,
    WAIT_OPTIONS,
    build_real_wait_case,
    build_wait_case,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.case_rules import Case
    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_OUTAGES: Final[tuple[tuple[int, FaultAction], ...]] = (
    # A client that tries thrice within each poll has seen five polls fail.
    (16, fault_actions.answer_instead(build_error(500, "server_error", "Something went wrong"))),
    *(
        (
            8,
            fault_actions.answer_instead(fault_actions.build_page(status)),
        )
        for status in (502, 504)
    ),
    (8, fault_actions.end_before_work("reset")),
    (4, fault_actions.end_before_work("hang")),
)
"""How many polls of each call's video fail, and how."""

_CLAIMED_FAILED: Final = re.compile(
    r"\b(video|generation|job)\b( \S+)?( has| is| was)? failed\b", re.IGNORECASE
)
_OF_LOOKS: Final = re.compile(
    r"\b(poll|wait|ask|check|look|fetch|retriev|request|quer|status|may|might|whether|unknown)"
    r"|\b(read|reading)\b",
    re.IGNORECASE,
)
"""Words by which an error says that looking failed, rather than what was looked at."""
_CLAIMED_MISSING: Final = re.compile(r"\b(not found|no such (video|generation))\b", re.IGNORECASE)


def cases(_: Stream) -> Iterator[Case]:
    """Yield the case of outages of several kinds, and of a video that fails at last.

    In two more, nothing listens at the address of the service for a while.
    """
    rule = FaultRule(on="videos.retrieve", do=_fail_by_call, label="several outages", legal=False)
    yield build_wait_case(
        "outage-kinds",
        calls=(video(),) * (len(_OUTAGES) + 1),
        settings=SLOW_VIDEO,
        options=WAIT_OPTIONS | {"timeout": 10},
        rules=(rule,),
    )

    for name, seconds, more in (
        ("", 18.0, {"settings": SLOW_VIDEO, "options": WAIT_OPTIONS, "patience": None}),
        ("-real", 1.5, {"patience": 12}),
    ):
        leave = fault_actions.go_away(seconds)
        gone = FaultRule(on="videos.retrieve", do=leave, label="nobody listens", nth=(1,))
        case = build_real_wait_case(
            f"outage-absent{name}", patience=12, wait_timeout=8, seconds=3, rules=(gone,)
        )
        yield case.with_changes(**more)


def _fail_by_call(turn: FaultContext) -> WireAnswer | WireScript:
    """Fail the first polls of a video, as the call says; the video of the last call has failed."""
    if turn.adversary.call >= len(_OUTAGES):
        return answer_failed(turn)
    most, act = _OUTAGES[turn.adversary.call]
    return act(turn) if fault_actions.count_earlier(turn) < most else turn.proceed()


def then_fail(act: FaultAction) -> FaultAction:
    """Return the action for polls of the first call; the videos of later ones have failed."""
    return lambda turn: answer_failed(turn) if turn.adversary.call else act(turn)


def build_later_failure() -> FaultRule:
    """Return the rule by which the videos of all calls but the first have failed."""
    act = then_fail(lambda turn: turn.proceed())
    return FaultRule(on="videos.retrieve", do=act, label="the second has failed", must=False)


def judge_outages(history: ClientHistory) -> Iterator[Observation]:
    """Judge what is said of videos that nobody has said to have failed, or to be unknown.

    A caller who believes that a video failed orders it again, and pays for both.
    """
    waits = history.calls("generate_video")
    sent = {number: find_own_requests(history, each) for number, each in enumerate(waits)}
    failed = {number for number, own in sent.items() if any(map(_says_failed, own))}
    told = [each for number, each in enumerate(waits) if number in failed and each.kind == "error"]
    for number, outcome in enumerate(waits):
        if number in failed:
            continue
        value = outcome.value if isinstance(outcome.value, dict) else {}
        alike = outcome.kind == "error" and any(_is_alike(outcome, each) for each in told)
        yield expect(
            not alike and value.get("status") != "failed",
            "an error unlike that of a failed video: the service was down, and the video goes on",
            outcome.shown,
            *sent[number][-2:],
        )
        gone = any(each.status == 404 for each in sent[number])
        yield expect(
            gone or not _is_called_missing(outcome),
            "no word of a missing video: no answer was 404",
            outcome.shown,
            *sent[number][-2:],
        )


def _says_failed(each: ClientExchange) -> bool:
    return each.operation == "videos.retrieve" and each.object.get("status") == "failed"


def _is_alike(outcome: CallOutcome, failed: CallOutcome) -> bool:
    """Return whether an error cannot be told from one of a failed video, or says that it is one.

    A client may have one type for all ends of a wait: then the status, the code or the words tell.
    """
    one, other = outcome.error, failed.error
    if one.get("type") != other.get("type"):
        return False
    same = all(one.get(name) == other.get(name) for name in ("status", "code"))
    claimed = _CLAIMED_FAILED.search(outcome.text) and not _OF_LOOKS.search(outcome.text)
    return bool((same and one.get("code")) or claimed)


def _is_called_missing(outcome: CallOutcome) -> bool:
    if outcome.kind != "error":
        return False
    named = "notfound" in str(outcome.error.get("type")).lower().replace("_", "")
    return (
        named or outcome.error.get("status") == 404 or bool(_CLAIMED_MISSING.search(outcome.text))
    )
