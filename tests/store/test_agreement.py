"""The same seed and requests get the same answers, whichever store, however many processes."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from tests.store.makers import Maker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.api.driver import Driver


def _collect(drivers: Sequence[Driver]) -> list[tuple[int, bytes]]:
    """Send a mixed session, each request to the next process; returns what was answered."""
    turns = cycle(drivers)
    replies = []
    for number in range(4):
        replies += [next(turns).image(prompt=f"number {number}"), next(turns).video()]
    replies.append(next(turns).image(model="no-such-model"))
    video = replies[1].json["id"]
    next(turns).workspace().advance(3600)
    done = next(turns).poll(video)
    replies += [done, next(turns).download(done.json["data"][0]["url"])]
    replies.append(next(turns).get("/v2/billing/balance"))
    return [(each.status, each.body) for each in replies]


def test_answers_are_equal_byte_for_byte(durable: Maker) -> None:
    """Ids, moments, links, errors, money and files do not depend on where state is kept."""
    in_memory = Maker("memory")
    expected = _collect([in_memory.drive(seed="same")])
    found = _collect([durable.drive(seed="same") for _ in range(3)])
    assert found == expected
