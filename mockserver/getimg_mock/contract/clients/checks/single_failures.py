"""Cases of single failures, each of which is followed by calls that are served: GC308 judges these.

A breaker may open after several failures in a row. One failure is no reason to send nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    Case,
    ClientCall,
    balance,
    download,
    image,
    models,
)
from getimg_mock.contract.clients.cases.wire_script import build_json_answer, cut
from getimg_mock.contract.clients.checks.files import DOWNLOAD_OPERATION, serve_picture
from getimg_mock.contract.clients.checks.message_variants import PENDING, RETRIEVE
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

EACH: Final = "after-each-"
_REAL: Final = f"{EACH}real"
_ABSENT: Final = f"{EACH}absent"
_REFUSED: Final = f"{EACH}refused-real"

_SERVE: Final[dict[str, FaultAction]] = {
    "videos.retrieve": fault_actions.answer_instead(build_json_answer(200, PENDING)),
    DOWNLOAD_OPERATION: serve_picture(),
}
"""The good answers that the fake does not have."""


def _serve(turn: FaultContext) -> Any:
    act = _SERVE.get(turn.operation)
    return turn.proceed() if act is None else act(turn)


def _cut(turn: FaultContext) -> WireScript:
    return cut(_serve(turn))


_MOMENT: Final = 0.6
"""For how many seconds nothing listens in real time: a call that is not tried again is refused."""
_REFUSED_CALL: Final = "no connection"

_LATE: Final = "late"
"""A call that is served within its timeout, though not at once: no failure may have cut that."""
_LEAVING: Final = "nobody listens soon"
_GOOD: Final = ("", _LATE, _LEAVING)

_ACTIONS: Final[dict[str, FaultAction]] = {
    "": _serve,
    _REFUSED_CALL: _serve,  # one that comes late, when the server listens again
    "reset": fault_actions.end_before_work("reset"),
    "closed": fault_actions.end_before_work("close"),
    "cut": _cut,
    "silence": fault_actions.end_before_work("hang"),
    "503": fault_actions.answer_instead(fault_actions.UNAVAILABLE),
    "502, HTML": fault_actions.answer_instead(fault_actions.build_page(502)),
    "200, HTML": fault_actions.answer_instead(fault_actions.build_page(200)),
    "404, HTML": fault_actions.answer_instead(fault_actions.build_page(404)),
    "nobody listens": fault_actions.go_away(2.0),
    _LEAVING: fault_actions.answer_and_go_away(_MOMENT, _serve),
    "late": fault_actions.answer_late(1.0, _serve),
}
_PLANNED: Final = (
    (balance(), models(), ("reset", "cut", "silence", "503", "502, HTML", "200, HTML")),
    (image(), balance(), ("reset", "cut", "503", "502, HTML")),
    (RETRIEVE, models(), ("cut", "closed", "503")),
    (download(), balance(), ("cut", "404, HTML", "503", "200, HTML", "reset")),
)
"""Calls that fail in these ways, and what is called beside them.

Each failure has two good calls behind it: no breaker opens that counts more than a third.
"""
_BACK: Final = 10.0
"""After how many seconds the server listens again, at the latest."""

_Planned = tuple[ClientCall, str]
"""A call, and how it fails; good ones have no word, or are late."""


def _plan_real() -> tuple[_Planned, ...]:
    plan: list[_Planned] = [(image(), "")]
    for call, other, ways in _PLANNED:
        for way in ways:
            plan += [(call, way), (call, ""), (other, "")]
    return (*plan, (balance(), _LATE))


def _plan_absent() -> tuple[_Planned, ...]:
    """Return the plan for virtual time, in which nothing takes long.

    A call can wait until the server listens again, and each operation meets silence once.
    """
    plan: list[_Planned] = [(image(), "")]
    for call, other, _ in _PLANNED:
        later = ClientCall(op=call.op, args=call.args, after=_BACK)
        plan += [(call, "nobody listens"), (later, ""), (call, _LATE), (other, "")]
        plan += [(call, "silence"), (call, _LATE), (other, "")]
    return tuple(plan)


def _plan_refused() -> tuple[_Planned, ...]:
    """Return the plan of one call that nothing listens for, and of good ones behind it."""
    return (
        (image(), ""),
        (models(), _LEAVING),
        (balance(), _REFUSED_CALL),
        (replace(image(), after=2 * _MOMENT), ""),
        (balance(), ""),
        (models(), ""),
    )


_PLANS: Final = {_REAL: _plan_real(), _ABSENT: _plan_absent(), _REFUSED: _plan_refused()}


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: single failures of all kinds, and a service that is away for a moment."""
    for name, plan in _PLANS.items():
        yield Case(
            name=name,
            calls=tuple(call for call, _ in plan),
            rules=(
                FaultRule(
                    on="*", do=_act_by_plan(plan), label="now and then bad", legal=name != _REAL
                ),
            ),
            # Silence costs a program two seconds of real time; less would fail on a busy machine.
            options=NO_RETRIES | {"timeout": 2},
            needs=("failing at once",),
            limit=4 * HOUR,
            patience=None if name == _ABSENT else 8,
        )


def _act_by_plan(plan: tuple[_Planned, ...]) -> FaultAction:
    def act(turn: FaultContext) -> WireAnswer | WireScript:
        way = plan[turn.adversary.call][1]
        return _ACTIONS[way](turn)

    return act


def judge_good_calls(history: ClientHistory) -> Iterator[Observation]:
    """Judge each call that nothing befell: an earlier one failed, and since then all was well.

    Calls of operations that a client lacks were not made, and those of the others in their order.
    """
    made = {each.op for each in history.calls()}
    if history.case == _REFUSED and "generate_image" not in made:
        return  # it is before that call that the server listens again
    plan = [each for each in _PLANS[history.case] if each[0].op in made]
    before = "nothing"
    for (_, way), outcome in zip(plan, history.calls(), strict=False):
        if way not in _GOOD:
            before = f"a failure of one call ({way})"
            continue
        yield expect(
            outcome.kind == "value",
            f"a value: it is served, after {before}",
            outcome.shown,
            *history.during(outcome)[-1:],
        )
