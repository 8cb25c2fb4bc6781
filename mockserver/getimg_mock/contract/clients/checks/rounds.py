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
)
from getimg_mock.contract.clients.cases.wire_script import build_error
from getimg_mock.contract.clients.checks.files import (
    DOWNLOAD_OPERATION,
    describe_result,
    serve_picture,
)
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.wire_script import End
    from getimg_mock.world.randomness import Stream

ROUNDS: Final = 8
_SAVE: Final = ClientCall(
    op="download", args={"result": describe_result("req-01K6ROUNDS0001")}, into=0
)
_ROUND: Final = (
    models(),
    balance(),
    ClientCall(op="costs", args=RANGE),
    image(),
    ClientCall(op="submit_video", args=VIDEO),
    ClientCall(op="retrieve_video", args={"id": "req-01K6ROUNDS0002"}),
    _SAVE,
)
_SHORT_ROUND: Final = (balance(), image(), _SAVE)
"""The round of cases in real time, of which each call takes as long as its timeout."""
_IMPATIENT: Final = NO_RETRIES | {"timeout": 2}
_BRIEF: Final = NO_RETRIES | {"timeout": 0.25}
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
    yield _build_case(
        "silent-real",
        silent,
        calls=_SHORT_ROUND * ROUNDS,
        baseline=len(_SHORT_ROUND),
        options=_BRIEF,
        needs=("timeout", "max_retries"),
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
