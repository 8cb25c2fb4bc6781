"""How many videos a service runs at the same time, as far as a history shows it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.contract.exchanges import HttpExchange
    from getimg_mock.contract.history import History

LEAST_AT_ONCE: Final = 3
"""How many videos may run at the same time on every service: our choice, by what was seen."""

_LONG: Final = 1e6
"""Seconds that no video takes."""


def count_running(history: History, quickest: float) -> int:
    """Return how many videos of the first key certainly ran at once.

    `quickest` is the least that one took, in seconds: what nobody looked at may have ended then.
    """
    begun = [
        each
        for each in history.submitted.values()
        if each.operation == "videos.create" and each.key == "a"
    ]
    return max((_count_running_at(history, each, begun, quickest) for each in begun), default=0)


def _count_running_at(
    history: History, last: HttpExchange, begun: Sequence[HttpExchange], quickest: float
) -> int:
    """Return how many videos ran when one was accepted, with that one."""
    since = last.at - timedelta(seconds=min(quickest, _LONG))
    running = 0
    for each in begun:
        end = history.ended.get(each.generation)
        over = end is not None and end.number < last.number
        running += each.number <= last.number and each.at > since and not over
    return running
