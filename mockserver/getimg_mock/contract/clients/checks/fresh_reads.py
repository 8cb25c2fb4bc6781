"""GC215: what a client reads is what the service says at that moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    RANGE,
    Case,
    ClientCall,
    balance,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_json_answer
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_VIDEO: Final = "req-GREASE0000002"
_CHANGING: Final = ("balance", "costs", "retrieve_video")


def cases(_: Stream) -> Iterator[Case]:
    """Yield the one case: each read of something that changes, twice with ten seconds between."""
    reads = (
        balance(),
        ClientCall(op="costs", args=RANGE),
        ClientCall(op="retrieve_video", args={"id": _VIDEO}),
    )
    pending = build_json_answer(200, {"id": _VIDEO, "status": "pending"})
    serve = fault_actions.answer_instead(pending)
    yield Case(
        name="read-twice",
        calls=(*reads, ClientCall(op="balance", after=10), *reads[1:]),
        rules=(FaultRule(on="videos.retrieve", do=serve, label="pending", must=False),),
        limit=HOUR,
    )


@client_check(
    "GC215",
    "Balance, costs and the state of a video are read anew each time",
    severity="major",
    evidence="choice",
    why="They change: a balance that was kept allows orders without money, and a video that has "
    "ended stays pending.",
    fix="Keep the models, if anything, and for a short time.",
    cases=("read-twice",),
)
def reads_are_fresh(history: ClientHistory) -> Iterator[Observation]:
    """Demands a request for each read of the balance, the costs, and a video.

    Fails when a call returns without one. The models may be kept.
    """
    for outcome in history.calls(*_CHANGING):
        if outcome.kind == "value":
            yield expect(
                find_own_requests(history, outcome),
                "a request to the service",
                f"none; {outcome.shown}",
            )
