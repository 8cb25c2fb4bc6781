"""The verdict of the client contract on the client of a test, from its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.clients.observed_traffic import ObservedFake
from getimg_mock.contract.verification.client import verify_client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from getimg_mock.contract.verification.result import Verification
    from getimg_mock.fake import Fake


def compute_verdict(fake: Fake, key: str, since: datetime) -> Verification:
    """Return the verdict on the client that used a key, or none from a moment of real time on."""
    return verify_client(ObservedFake(fake, key, name="the client of this test", since=since))


def find_breaches(verification: Verification) -> Iterator[str]:
    """Yield each MUST that the client broke, as a text with the requests."""
    for each in verification.of("FAIL"):
        yield each.render(replay="it was observed, so run this test again")
