"""GC812: what an asynchronous client does to the event loop of its caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation


@client_check(
    "GC812",
    "An asynchronous client leaves the event loop to other tasks while it waits",
    severity="major",
    evidence="choice",
    why="A wait that blocks the loop stops everything else in the process: requests that it "
    "serves, and orders whose answers come meanwhile.",
    fix="Use asyncio.sleep; run what blocks in a thread.",
    cases=("polled", "many-retried-*"),
)
def loops_are_left_to_others(history: ClientHistory) -> Iterator[Observation]:
    """Demands that a coroutine waits without `time.sleep` or `Event.wait` in the loop's thread.

    Tries the pauses between polls, and those before a further try. A plain method of an adapter
    that is otherwise asynchronous may block, and so may a synchronous client.
    """
    yield expect(
        not history.blocked,
        "waits that leave the event loop to other tasks",
        f"blocked for {history.blocked:g} s, by time.sleep or Event.wait in a coroutine",
        *history.requests[:2],
    )
