"""Which requests of a call are the ones that it is for.

A client may ask for other things on its way, its balance before it pays, say: what is done to a
call's own requests is judged by those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.drivers.capabilities import OPERATION_REQUESTS

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )


def find_own_requests(history: ClientHistory, outcome: CallOutcome) -> list[ClientExchange]:
    """Return the requests that a call is for."""
    reached = OPERATION_REQUESTS.get(outcome.op, ())
    return [each for each in history.during(outcome) if each.operation in reached]


def find_answer(history: ClientHistory, outcome: CallOutcome) -> list[ClientExchange]:
    """Return the last request that a call is for; none where it made none."""
    return find_own_requests(history, outcome)[-1:]
