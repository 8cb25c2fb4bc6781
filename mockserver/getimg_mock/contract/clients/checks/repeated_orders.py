"""GC419: an order that was taken is not sent again, whatever follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.cases.client_check import client_check
from getimg_mock.contract.verdicts import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.cases.client_history import ClientHistory
    from getimg_mock.contract.verdicts import Observation


@client_check(
    "GC419",
    "A call that was answered with a success orders nothing more",
    severity="blocker",
    evidence="choice",
    why="Each order is paid. An answer that is odd, a poll that fails and a video that fails are "
    "no reason to pay again without the caller.",
    fix="Raise an error with the id, and leave a new order to the caller.",
    cases=(
        "optional-image",
        "missing-image",
        "garbage-image",
        "unknown-status-*",
        "failing*",
        "held*",
        "outage-*",
        "shaky-*",
        "late-404*",
        "regress*",
        "cancelled",
    ),
)
def orders_are_not_repeated(history: ClientHistory) -> Iterator[Observation]:
    """Demands that no submission follows one that was answered with 2xx, within the same call.

    The case decides what happens then: the answer lacks fields or is no JSON, polls fail once, for
    half a minute or for good, the video fails, stays pending until the deadline or goes back to it,
    or the caller cancels. Fails on each further submission.
    """
    for outcome in history.calls("generate_image", "submit_video", "generate_video"):
        sent = [each for each in history.during(outcome) if each.submits]
        taken = [place for place, each in enumerate(sent) if 200 <= each.status < 300]
        if taken:
            more = sent[taken[0] + 1 :]
            yield expect(
                not more,
                "no further order after one that was taken",
                f"{len(more)} more; {outcome.shown}",
                sent[taken[0]],
                *more[:3],
            )
