"""GC415: waits before the third and fourth try of a call, in real time too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases import fault_actions
from getimg_mock.contract.clients.cases.case_rules import Case, balance
from getimg_mock.contract.clients.checks.own_requests import find_own_requests, measure_gaps
from getimg_mock.contract.clients.checks.retries import LIMIT
from getimg_mock.contract.clients.fault_serving.fault_server import FaultRule
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.clients.cases.wire_script import WireAnswer
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultContext
    from getimg_mock.contract.verdicts import Observation

THRICE: Final = "fails-thrice"
"""The case of calls that each fail three times."""
_NO_WAIT: Final = 0.04
"""A later wait that is shorter in each of three calls, in seconds: jitter rarely makes one so."""


def build_thrice_case() -> Case:
    """Return the case of calls that each fail three times."""
    return Case(
        name=THRICE,
        calls=(balance(),) * 3,
        rules=(FaultRule(on="billing.balance", do=_fail_thrice, label="503, 3 of 4 times"),),
        limit=LIMIT,
        options={"max_retries": 3},
        needs=("max_retries", "retries"),
        patience=8,
        early=True,
    )


def _fail_thrice(turn: FaultContext) -> WireAnswer:
    """Refuse the first three tries of each call."""
    well = fault_actions.count_earlier(turn) % 4 == 3
    return turn.proceed() if well else fault_actions.UNAVAILABLE


def judge_later_waits(history: ClientHistory) -> Iterator[Observation]:
    """Judge the second and third waits of several calls: one is long enough in some call."""
    series = [measure_gaps(find_own_requests(history, each)) for each in history.calls()]
    for place in (1, 2):
        found = [gaps[place] for gaps in series if len(gaps) > place]
        if len(found) == len(series):
            yield expect(
                max(found) >= _NO_WAIT,
                f"a wait before try {place + 2}, as before those that came sooner",
                f"{', '.join(f'{each:.2f}' for each in found)} in {len(found)} calls",
                *history.requests[:4],
            )
