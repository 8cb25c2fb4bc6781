"""Cases that are series: the same call again and again, each time with another answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import NO_RETRIES, Case, ClientCall
from getimg_mock.contract.clients.cases.wire_script import WireAnswer, build_json_answer
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule

if TYPE_CHECKING:
    from collections.abc import Sequence


def build_series(
    name: str,
    call: ClientCall | Sequence[ClientCall],
    on: str,
    answers: list[Any],
    *,
    status: int = 200,
    legal: bool = True,
    **more: Any,
) -> Case:
    """Return a case in which the nth call gets the nth answer (JSON, or an `Answer`)."""
    left = [
        each if isinstance(each, WireAnswer) else build_json_answer(status, each)
        for each in answers
    ]
    calls = (call,) * len(left) if isinstance(call, ClientCall) else tuple(call)
    rule = FaultRule(on=on, label=name, do=fault_actions.answer_by_call(left), legal=legal)
    return Case(name=name, calls=calls, options=NO_RETRIES, rules=(rule,), **more)
