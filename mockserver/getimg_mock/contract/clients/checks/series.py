"""Cases that are series: the same call again and again, each time with another answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.contract.clients import acts
from getimg_mock.contract.clients.adversary import Rule
from getimg_mock.contract.clients.cases import Case
from getimg_mock.contract.clients.timeline import Answer, replied

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases import Call

_QUIET: Final[dict[str, Any]] = {"max_retries": 0}


def series(name: str, call: Call, on: str, answers: list[Any], **more: Any) -> Case:
    """Return a case in which the nth call gets the nth answer (JSON, or an `Answer`)."""
    left = [each if isinstance(each, Answer) else replied(200, each) for each in answers]
    return Case(
        name=name, calls=(call,) * len(left), options=_QUIET,
        rules=(Rule(on=on, label=name, do=acts.by_call(left)),),
        **more,
    )  # fmt: skip
