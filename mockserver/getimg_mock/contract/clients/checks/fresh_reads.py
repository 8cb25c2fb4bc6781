"""GC215: what a client reads is what the service says at that moment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    RANGE,
    Case,
    ClientCall,
    balance,
    models,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.clients.cases.wire_script import build_json_answer
from getimg_mock.contract.clients.checks.own_requests import find_own_requests
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

_VIDEO: Final = "req-GREASE0000002"
_CHANGING: Final = ("balance", "costs", "retrieve_video")
_READS: Final = (
    balance(),
    ClientCall(op="costs", args=RANGE),
    ClientCall(op="retrieve_video", args={"id": _VIDEO}),
)
_LISTED: Final = ("image", "video")
_BY_TYPE: Final = (
    models(),
    models("video"),
    ClientCall(op="model", args={"id": "seedream-5-lite"}),
    models("image"),
    models(),
)
"""Who keeps a list, and answers with it, has to keep it for its type alone."""
_PENDING: Final = build_json_answer(200, {"id": _VIDEO, "status": "pending"})


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: each read twice with ten seconds between, the second time in vain."""
    serve = fault_actions.answer_instead(_PENDING)
    yield Case(
        name="read-twice",
        calls=(*_READS, *_BY_TYPE, replace(_READS[0], after=10), *_READS[1:]),
        rules=(FaultRule(on="videos.retrieve", do=serve, label="pending", must=False),),
        limit=HOUR,
    )
    yield from _build_lost_cases()


def _build_lost_cases() -> Iterator[Case]:
    """Yield the cases of reads that are answered once, before the service is out for good."""
    reads = (*_READS, models())
    for name, act, patience in (
        ("503", fault_actions.answer_instead(fault_actions.UNAVAILABLE), 8.0),
        ("reset", fault_actions.end_before_work("reset"), 8.0),
        ("silence", fault_actions.end_before_work("hang"), None),
    ):
        yield Case(
            name=f"read-lost-{name}",
            calls=(*reads, replace(reads[0], after=10), *reads[1:]),
            rules=(_go_out_after(len(reads), act),),
            options=NO_RETRIES | {"timeout": 5},
            needs=("failing at once",),
            patience=patience,
        )


def _go_out_after(count: int, act: FaultAction) -> FaultRule:
    """Return the rule by which all requests fail that come after so many calls."""

    def do(turn: FaultContext) -> Any:
        if turn.adversary.call >= count:
            return act(turn)
        return _PENDING if turn.operation == "videos.retrieve" else turn.proceed()

    return FaultRule(on="*", do=do, label="well, and then out for good", must=False)


@client_check(
    "GC215",
    "Balance, costs and the state of a video are read anew each time",
    severity="major",
    evidence="choice",
    why="They change: a balance that was kept allows orders without money, and a video that has "
    "ended stays pending.",
    fix="Keep the models, if anything, and for a short time; raise when a read fails.",
    cases=("read-twice", "read-lost-*"),
)
def reads_are_fresh(history: ClientHistory) -> Iterator[Observation]:
    """Demands a request for each read of the balance, the costs, and a video.

    Fails when a call returns without one, or when it fails and the call returns what an earlier one
    was answered with. Models may be cached, but a request for them that fails is an error.
    Fails as well when a list has models of another type than was asked for, or lacks some.
    """
    if history.case.startswith("read-lost"):
        yield from _nothing_earlier_is_told(history)
        return
    for outcome in history.calls(*_CHANGING):
        if outcome.kind == "value":
            yield expect(
                find_own_requests(history, outcome),
                "a request to the service",
                f"none; {outcome.shown}",
            )
    yield from _lists_are_those_asked_for(history)


def _lists_are_those_asked_for(history: ClientHistory) -> Iterator[Observation]:
    """Judge the types of models in lists of one type, and of all, and a model that is not kept."""
    for outcome in history.calls("models"):
        listed = outcome.value if isinstance(outcome.value, list) else []
        told = {str(each.get("type")) for each in listed if isinstance(each, dict)}
        asked = outcome.args.get("type")
        if outcome.kind == "value" and told <= set(_LISTED):
            expected = {asked} if asked else set(_LISTED)
            yield expect(
                told == expected,
                f"models of type {asked}" if asked else "models of both types",
                f"types {', '.join(sorted(told)) or 'none'}",
                *find_own_requests(history, outcome),
            )
    for outcome in history.calls("model"):
        yield expect(
            outcome.kind == "value",
            f"the model {outcome.args['id']!r}, which there is",
            outcome.shown,
            *find_own_requests(history, outcome),
        )


def _nothing_earlier_is_told(history: ClientHistory) -> Iterator[Observation]:
    """Judge the second read of each kind, which nothing has answered."""
    for name in (*_CHANGING, "models"):
        for outcome in history.calls(name)[1:]:
            own = find_own_requests(history, outcome)
            kept = name == "models" and not own  # a list that is kept for a while asks nobody
            yield expect(
                kept or outcome.kind != "value",
                "an error: the service is out, and has not answered",
                outcome.shown,
                *own[-1:],
            )
