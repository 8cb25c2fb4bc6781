"""Cases that are series: the same call again and again, each time with another answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.cases import Call, Case
from getimg_mock.contract.clients.cases.wire_script import Answer, replied
from getimg_mock.contract.clients.server.fault_server import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUIET: Final[dict[str, Any]] = {"max_retries": 0}


def series(
    name: str,
    call: Call | Sequence[Call],
    on: str,
    answers: list[Any],
    *,
    status: int = 200,
    legal: bool = True,
    **more: Any,
) -> Case:
    """Return a case in which the nth call gets the nth answer (JSON, or an `Answer`)."""
    left = [each if isinstance(each, Answer) else replied(status, each) for each in answers]
    calls = (call,) * len(left) if isinstance(call, Call) else tuple(call)
    rule = Rule(on=on, label=name, do=fault_actions.by_call(left), legal=legal)
    return Case(name=name, calls=calls, options=_QUIET, rules=(rule,), **more)
