"""Faults of a service: minimums, caches of connections, columns, replicas, encoders, escapes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from tests.contract.written_by_others.accounts import Work, Workspace

BATCH: Final = 10
LEAST_SECONDS: Final = 6
COLUMN: Final = 32
REPLICA_SECONDS: Final = 12
HALF_PAIR: Final = re.compile(rb"\\ud[89a-f][0-9a-f]{2}", re.IGNORECASE)


# Money


@faulty(
    "money",
    "blocker",
    "D: total_cost is unit_price by the seconds, and is what is drawn; more is taken than is told",
)
class ShortVideosAreBookedAtSixSeconds(Provider):
    """Balance and costs take at least six seconds of a video; `usage` names its own length."""

    def charge(self, work: Work, amount: Decimal) -> None:
        """Book the minimum of the upstream contract."""
        if work.order.kind == "video":
            amount = max(amount, work.unit_price * LEAST_SECONDS)
        super().charge(work, amount)


# Costs


@faulty(
    "costs",
    "major",
    "D: end is inclusive; the day that begins with it is left out, and with it what it cost",
)
class MidnightBelongsToTheDayBefore(Provider):
    """An `end` at 00:00:00 UTC is taken for the end of the day before: its date has no bucket."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        """Leave out a date of which only the first instant is asked for."""
        dates = super().list_dates(start, end)
        return dates[:-1] if end.time().isoformat() == "00:00:00" else dates


# Files


@faulty(
    "files",
    "blocker",
    "D: width and height are the video's, in the ratio that was ordered; this one lies on its side",
)
class PortraitVideosLieOnTheirSide(Provider):
    """9:16 videos are encoded 16:9 by a worker that drops the rotation; the answer says 9:16."""

    def drawn_size(self, work: Work) -> tuple[int, int]:
        """Return the larger side first."""
        width, height = super().drawn_size(work)
        return (max(width, height), min(width, height)) if work.order.kind == "video" else work.size


# Links


@faulty(
    "links",
    "blocker",
    "D: links are signed; half of the signature is not looked at, and changing it changes nothing",
)
class SignaturesAreCutByTheirColumn(Provider):
    """A column of 32 characters keeps half of `sig`: the rest of it is not compared."""

    def same_signature(self, given: str, expected: str) -> bool:
        """Compare what the column holds."""
        return super().same_signature(given[:COLUMN], expected[:COLUMN])


# Inputs


@faulty(
    "inputs",
    "blocker",
    "RFC 8259 7: a pair of escapes is one character; Python's clients send every emoji like this",
)
class EscapedEmojiAreHalfPairs(Provider):
    r"""A check for half surrogate pairs refuses whole ones: `\ud83d\ude00` in a body is 400."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Look for surrogates before the JSON is read."""
        if HALF_PAIR.search(request.body):
            raise refuse_value("Invalid 'prompt': half a surrogate pair.", "prompt")
        return super().read_object(request)


# Lives


@faulty(
    "life",
    "blocker",
    "D: completed is final; a finished video is pending again at each third poll for a while",
)
class ReplicaBringsPendingBack(Provider):
    """One of three read replicas lags: a video that was `completed` is `pending` there for 12 s."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Ask the replicas in turn."""
        answer = super().answer_status(work_id, workspace, request)
        work = workspace.works[work_id]
        if work.status == "pending" or self.now() - work.ends > REPLICA_SECONDS:
            return answer
        asked = work.notes["asked"] = work.notes.get("asked", 0) + 1
        if asked % 3 == 0:
            answer.set_value({"id": work.id, "status": "pending"})
        return answer


# Keys


@faulty(
    "isolation",
    "blocker",
    "D: each request is its key's; another, wrong or no key on that connection acts as the first",
)
class ConnectionsRememberTheirFirstKey(Provider):
    """The gateway checks the key once for each connection, and takes it for all that follows."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Return the workspace of the connection's first good key."""
        known: dict[int, Workspace] = self.notes.setdefault("connections", {})
        if request.connection in known:
            self.settle(known[request.connection])
            return known[request.connection]
        known[request.connection] = super().authenticate(request)
        return known[request.connection]


# HTTP


@faulty(
    "http",
    "major",
    "RFC 9110 14.1.2: a last byte beyond the end means the end; the last block cannot be fetched",
)
class LastBlocksAreOutOfRange(Provider):
    """`Range: bytes=1000000-1999999` of a file of 1.2 MB is 416 instead of its last 0.2 MB."""

    def read_range(self, first: str, last: str, total: int) -> tuple[int, int]:
        """Hold the last byte against the length."""
        if first and last and int(last) >= total:
            return total, total
        return super().read_range(first, last, total)
