"""Cases of rounds: every operation again and again, to see what each of them leaves behind.

The check of held resources judges them, by what a whole round leaves once it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import (
    HOUR,
    NO_RETRIES,
    RANGE,
    VIDEO,
    Case,
    ClientCall,
    balance,
    image,
    models,
    video,
)
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, build_error, drip_body
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    describe_result,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import End, WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultAction, FaultContext
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

ROUNDS: Final = 8
DRIPPED: Final = ("rounds-dripped", "rounds-dripped-real")
_UNKNOWN_VIDEO: Final = "req-01K6ROUNDS0002"
_SAVE: Final = ClientCall(
    op="download", args={"result": describe_result("req-01K6ROUNDS0001")}, into=0
)
_LOOK: Final = ClientCall(op="retrieve_video", args={"id": _UNKNOWN_VIDEO})
_COSTS: Final = ClientCall(op="costs", args=RANGE)
_ROUND: Final = (
    models(),
    balance(),
    _COSTS,
    image(),
    ClientCall(op="submit_video", args=VIDEO),
    _LOOK,
    _SAVE,
)
_SHORT_ROUND: Final = (balance(), image(), _SAVE)
"""The round of cases in real time, of which each call takes as long as its timeout."""
_DRIPPED_ROUND: Final = (_LOOK, image(), _SAVE)
_AFTERWARDS: Final = (balance(), models(), _COSTS, balance(), models())
"""Calls that are served: one of them at least is sent, where earlier ones hold nothing."""
_DRIPPED_OPERATIONS: Final = ("videos.retrieve", "images.generate", DOWNLOAD_OPERATION)
_IMPATIENT: Final = NO_RETRIES | {"timeout": 2}
_BRIEF: Final = NO_RETRIES | {"timeout": 0.25}
_HURRIED: Final = NO_RETRIES | {"timeout": 0.15}
_END: Final[End] = "hang"


def cases(_: Stream) -> Iterator[Case]:
    """Yield the cases: all goes well, is refused, breaks off, is not answered, or cancelled."""
    refuse = fault_actions.answer_instead(build_error(400, "invalid_parameter", "No."))
    silence = fault_actions.end_before_work(_END)
    saved = FaultRule(on=DOWNLOAD_OPERATION, do=serve_picture(), label="the file", must=False)
    yield _build_case("well", saved)
    at_once = ("failing at once",)
    yield _build_case("refused", _act_on_all(refuse, "refused"), needs=at_once)
    yield _build_case("cut", _act_on_all(fault_actions.truncate, "cut"), needs=at_once)
    silent = _act_on_all(silence, "silence")
    impatient: dict[str, Any] = {"options": _IMPATIENT, "needs": ("timeout",), "patience": None}
    yield _build_case("silent", silent, **impatient)
    # What a thread still does for a call that was cancelled ends by the timeout, at the latest.
    withdrawn = impatient | {"needs": ("timeout", "max_retries"), "interrupt_after": 1.0}
    yield _build_case("withdrawn", silent, **withdrawn)
    yield from _build_dripped_cases(impatient)
    yield _build_case(
        "silent-real",
        silent,
        calls=_SHORT_ROUND * ROUNDS,
        baseline=len(_SHORT_ROUND),
        options=_BRIEF,
        needs=("timeout", "max_retries"),
        real_time=True,
    )


def _build_dripped_cases(impatient: dict[str, Any]) -> Iterator[Case]:
    """Yield the cases of answers that drip: no silence ends what goes on reading them."""
    # By the last piece, the case of a client that ends such reads is over.
    drip, drip_faster = _drip(1.9, pieces=40), _drip(0.05, pieces=150)
    yield _build_dripped_rounds("dripped", drip, **impatient)
    looks = FaultRule(on="videos.retrieve", do=drip, label="drips")
    waits: dict[str, Any] = {
        "calls": (video(),) * ROUNDS,
        "baseline": 1,
        "options": _IMPATIENT | {"poll_interval": 5, "wait_timeout": 12},
        "needs": ("timeout", "wait_timeout"),
    }
    yield _build_case("dripped-looks", looks, **impatient | waits)
    yield _build_dripped_rounds(
        "dripped-real",
        drip_faster,
        options=_HURRIED,
        needs=("timeout", "max_retries"),
        patience=4.0,  # a client that reads on to the end is another check's
        real_time=True,
    )


def _build_dripped_rounds(name: str, drip: FaultAction, **more: Any) -> Case:
    """Return the case of rounds whose answers drip, and of further calls that are served."""
    length = len(_DRIPPED_ROUND)

    def act(turn: FaultContext) -> WireAnswer | WireScript:
        return drip(turn) if turn.adversary.call < length * ROUNDS else turn.proceed()

    calls = _DRIPPED_ROUND * ROUNDS + _AFTERWARDS
    return _build_case(name, _act_on_all(act, "drips"), calls=calls, baseline=length, **more)


def _drip(pause: float, pieces: int) -> FaultAction:
    """Return the action that answers piece by piece, for longer than the case lasts."""

    def act(turn: FaultContext) -> WireScript:
        saved = turn.operation == DOWNLOAD_OPERATION
        answer = serve_picture()(turn) if saved else turn.proceed()
        return drip_body(answer, pause, pieces=pieces)

    return act


def later_calls_are_sent(history: ClientHistory) -> Iterator[Observation]:
    """Judge the calls after those whose answers dripped: they wait for no slot, and no worker.

    A client that sends nothing for a while, as all failed before, says so at once.
    """
    later = history.calls(*(each.op for each in _AFTERWARDS))
    sent = any(each.operation not in _DRIPPED_OPERATIONS for each in history.requests)
    refused = any(each.seconds < history.options["timeout"] / 2 for each in later)
    if later:
        yield expect(
            sent or refused,
            "the request of a further call",
            f"none by {len(later)} calls: {later[-1].shown}",
            *history.requests[-1:],
        )


def _act_on_all(act: Any, label: str) -> FaultRule:
    return FaultRule(on="*", do=act, label=label)


def _build_case(name: str, rule: FaultRule, **more: Any) -> Case:
    fields: dict[str, Any] = {
        "calls": _ROUND * ROUNDS,
        "baseline": len(_ROUND),
        "options": NO_RETRIES,
        "rules": (rule,),
        "holdings": True,
        "limit": 48 * HOUR,
    }
    return Case(name=f"rounds-{name}", **fields | more)
