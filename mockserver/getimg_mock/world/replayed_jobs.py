"""How a recorded job goes on when it is replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from getimg_mock.world.generations import Product
    from getimg_mock.world.transitions import Failure


@dataclass(frozen=True, slots=True)
class ReplayedFile:
    """One recorded file; the stem of its name is the SHA-256 of its bytes."""

    path: str
    mime_type: str


@dataclass(frozen=True, slots=True, eq=False)
class ReplayedAnswer:
    """An answer that is sent as it was recorded, with what its placeholders stand for.

    `text` is its body as JSON, and `data` the bytes of one that is not JSON. Names of headers
    are in lower case.
    """

    status: int
    text: str = ""
    data: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayedInterruption:
    """The answer to a poll that did not say the state; `after` seconds from the submission."""

    after: float
    answer: ReplayedAnswer


@dataclass(frozen=True, slots=True, eq=False)
class ReplayedJob:
    """How an accepted submission went on; `source` names the file that holds it.

    `identity` are 16 bytes that no other job has. `seconds` is how long it was pending, and None
    where the recording ended before it did. It failed if there is a `failure`. `product` is what
    was delivered, None for a job that delivered nothing. `result` is its last answer. `retention`
    is for how many seconds the files could be downloaded, None where the answer did not say.
    `statuses` are those that it had before its last, each with the seconds after which it had it.
    """

    source: str
    identity: bytes
    seconds: float | None
    failure: Failure | None = None
    product: Product | None = None
    result: ReplayedAnswer | None = None
    retention: float | None = None
    files: tuple[ReplayedFile, ...] = ()
    statuses: tuple[tuple[float, str], ...] = ()
    interruptions: tuple[ReplayedInterruption, ...] = ()

    def find_status(self, elapsed: float) -> str:
        """Return the status that it has when `elapsed` seconds have passed and it has not ended."""
        found = "pending"
        for after, status in self.statuses:
            if after <= elapsed:
                found = status
        return found
