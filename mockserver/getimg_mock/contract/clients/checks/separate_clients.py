"""GC711: two clients in one process do not share a key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.cases.case_rules import (
    FALLBACK_CALLS,
    HOUR,
    Case,
    balance,
    image,
    models,
)
from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation
    from getimg_mock.world.randomness import Stream

OTHER_KEY: Final = "sk_client_contract_another_61be"


def cases(_: Stream) -> Iterator[Case]:
    """Yield the one case: calls of two clients in turn, each of which has a key of its own."""
    calls = (balance(), models(), image(), FALLBACK_CALLS[1])
    yield Case(
        name="two-keys",
        calls=tuple(each for call in calls for each in (call, replace(call, key=OTHER_KEY), call)),
        settings={"video_seconds": 1},
        limit=HOUR,
    )


@client_check(
    "GC711",
    "Each client sends its own key, however many there are in a process",
    severity="blocker",
    evidence="choice",
    why="The key says who pays: with another one, a customer sees and pays for what is not theirs.",
    fix="Keep the key, and headers with it, on the instance, and not on the class or the module.",
    cases=("two-keys",),
)
def clients_keep_their_keys(history: ClientHistory) -> Iterator[Observation]:
    """Demands that each request carries the key of the client that was called.

    Two clients with different keys are called in turn. Fails when one sends the other's key.
    """
    own = history.secrets[0][1]
    for outcome in history.calls():
        expected = f"Bearer {outcome.key or own}"
        for each in history.during(outcome):
            if each.home and each.operation != "downloads.retrieve":
                sent = each.get_sent_header("authorization") or expected
                other = sent in {f"Bearer {own}", f"Bearer {OTHER_KEY}"} and sent != expected
                yield expect(not other, "the key of this client", "that of the other", each)
