"""Which requests of a call are the ones that it is for.

A client may ask for other things on its way, its balance before it pays, say: what is done to a
call's own requests is judged by those.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.drivers.capabilities import OPERATION_REQUESTS

if TYPE_CHECKING:
    from getimg_mock.contract.clients.cases.client_history import (
        CallOutcome,
        ClientExchange,
        ClientHistory,
    )


_OF_REQUESTS: Final = re.compile(
    r"^\W*DEBUG\b|\b(httpx|httpcore|urllib3|aiohttp|requests|_base_client)\b"
    r"|HTTP Request|HTTP/1\.1\" \d|\bRetrying "
)
"""Lines that HTTP libraries and SDKs log by themselves, and lines for debugging."""


def find_own_requests(history: ClientHistory, outcome: CallOutcome) -> list[ClientExchange]:
    """Return the requests that a call is for."""
    reached = OPERATION_REQUESTS.get(outcome.op, ())
    return [each for each in history.during(outcome) if each.operation in reached]


def measure_gaps(sent: list[ClientExchange]) -> list[float]:
    """Return the seconds from each request to the next."""
    return [later.elapsed - sooner.elapsed for sooner, later in itertools.pairwise(sent)]


def names_generation(outcome: CallOutcome, sent: list[ClientExchange], logs: str = "") -> bool:
    """Return whether an error, or the log, contains the id of a generation that a call made."""
    made = [
        effect.generation
        for each in sent
        for effect in each.effects or ()
        if effect.what == "generation"
    ]
    text = f"{outcome.text} {outcome.error.get('generation')} {logs}"
    return any(name and name in text for name in made)


def read_own_log(logs: str) -> str:
    """Return a log without the paths that HTTP libraries name in it.

    An id in them is not told to anybody: such lines are seldom kept, and each request has one.
    """
    return "\n".join(
        re.sub(r"generations/\S+", "", line) if _OF_REQUESTS.search(line) else line
        for line in logs.splitlines()
    )


def find_answer(history: ClientHistory, outcome: CallOutcome) -> list[ClientExchange]:
    """Return the last request that a call is for; none where it made none."""
    return find_own_requests(history, outcome)[-1:]


def find_request_id(each: ClientExchange) -> str:
    """Return the request id of an answer; an empty text where it has none."""
    named = {name.lower(): value for name, value in each.headers}
    return named.get("x-request-id", "")
