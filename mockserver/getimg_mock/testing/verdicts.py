"""The verdict of the client contract on the client of a test, from its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients import observed_traffic, scorecard
from getimg_mock.reports import console, events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.contract.clients.suite import Result
    from getimg_mock.fake import Fake


def verdict(fake: Fake, key: str) -> Result:
    """Return the verdict on the client that used `key`."""
    return observed_traffic.judge_traffic(fake, name="the client of this test", key=key)


def breaches(result: Result) -> Iterator[str]:
    """Yield each MUST that the client broke, as text with the requests."""
    (outcome,) = events.read(list(scorecard.events(result, adapter="--observe")))
    for told in outcome.verdicts:
        if told["status"] == "FAIL":
            failure = told["failures"][0] | {"verdict": told}
            yield console.block(failure, replay="it was observed, so run this test again")
