"""Cases of waits in which polls fail now and then, and how soon the next good one is (GC501).

A client may come more rarely while polls fail. Once one is answered, it is due again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import HOUR, NO_RETRIES, Case, video
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.own_requests import find_own_requests, measure_gaps
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

SHAKEN: Final = "shaken-real"
_INTERVAL: Final = 0.25
_SLACK: Final = 3.0
"""How many seconds later than its interval a poll may come after one that was answered.

Pauses that double with each failed poll, and stay so, are four seconds long at the end.
"""
_PENDING: Final = (2, 5)
"""Which polls of the first video find it pending; those before them fail, and the next is good."""
_FAILURES: Final = (
    fault_actions.UNAVAILABLE,
    build_error(500, "server_error", "Something went wrong on our end"),
)


def cases(_: Stream) -> Iterator[Case]:
    """Yield the case: a wait of which most polls fail, and another one in which none does."""
    rule = FaultRule(on="videos.retrieve", do=_fail_now_and_then, label="most polls fail")
    yield Case(
        name=SHAKEN,
        calls=(video(), video()),
        settings={"video_seconds": 0.1},
        options=NO_RETRIES | {"poll_interval": _INTERVAL, "wait_timeout": 30},
        needs=("poll_interval",),
        limit=HOUR,
        patience=16,
        rules=(rule,),
    )


def _fail_now_and_then(turn: FaultContext) -> WireAnswer | WireScript:
    earlier = fault_actions.count_earlier(turn)
    if turn.adversary.call or earlier > _PENDING[-1]:
        return turn.proceed()
    if earlier not in _PENDING:
        return _FAILURES[earlier % 2]
    return fault_actions.change_json(lambda value: {"id": value["id"], "status": "pending"})(turn)


def next_polls_are_due(history: ClientHistory) -> Iterator[Observation]:
    """Judge the time from each order, and each poll that was answered, to the next poll.

    A client that never polls as often as this caller wants keeps its own distance, as at first.
    """
    due = _INTERVAL
    for number, outcome in enumerate(history.calls("generate_video")):
        sent = find_own_requests(history, outcome)
        gaps = measure_gaps(sent)
        if number == 0:
            due = max([due, *gaps[:1]])
        for sooner, later, gap in zip(sent, sent[1:], gaps, strict=False):
            if sooner.status < 300:
                yield expect(
                    gap <= due + _SLACK,
                    f"a poll {due:.2f} s later, as polls are answered again",
                    f"{gap:.1f} s",
                    sooner,
                    later,
                )
