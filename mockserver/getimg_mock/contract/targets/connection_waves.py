"""Requests that are sent at the same time, each on a connection of its own."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")

_MOST_UNACCEPTED: Final = 32
_BETWEEN_WAVES: Final = 0.25
"""So many connections are opened at once, and more when these have an answer or so many seconds
later: a server resets those beyond its queue. A picture takes half a minute: none waits for it."""


def send_in_waves(
    send: Callable[[_Request], _Answer], requests: Sequence[_Request]
) -> list[_Answer]:
    """Return the answers in the order of the requests; none waits for the answer to another."""
    found: list[Future[_Answer]] = []
    with ThreadPoolExecutor(len(requests) or 1) as pool:
        for first in range(0, len(requests), _MOST_UNACCEPTED):
            wait(found, _BETWEEN_WAVES)
            wave = requests[first : first + _MOST_UNACCEPTED]
            found += [pool.submit(send, each) for each in wave]
        return [each.result() for each in found]
