"""Faults of costs and money, as they reach production."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.messages import Incoming, Outgoing

# Costs


BATCH: Final = 3


@faulty("costs", "major", "D: both ends are inclusive; each UTC date has a bucket.")
class MidnightEndLeftOut(Provider):
    """The range is half open: an `end` at 00:00:00 has no bucket of its date."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        return super().list_dates(start, end - timedelta(microseconds=1))


@faulty("costs", "major", "D: one bucket for each UTC date of the range, up to 180 days.")
class HundredBuckets(Provider):
    """The query has a limit of 100 rows: later dates, and what they cost, are left out."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        return super().list_dates(start, end)[:100]


@faulty("costs", "minor", "D: `start` and `end` are ISO 8601, and are answered as they were asked.")
class MicrosecondsAsMilliseconds(Provider):
    """A fraction of six digits is read as milliseconds: .900000 moves a time by 15 minutes."""

    def read_instant(self, text: str, name: str) -> datetime:
        instant = super().read_instant(text, name)
        if re.search(r"[.,]\d{6}", text):
            shift = timedelta(milliseconds=instant.microsecond)
            return instant.replace(microsecond=0) + shift
        return instant


# Money


@faulty("money", "blocker", "No generation is charged twice; polling is a read (D).")
class TwoPollersTwoCharges(Provider):
    """Two connections that see a video complete in the same half second each charge it."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        answer = super().answer_status(work_id, workspace, request)
        work = workspace.works[work_id]
        if work.status == "completed":
            first, when = work.notes.setdefault("closer", (request.connection, self.now()))
            if first != request.connection and self.now() - when < 0.5:
                work.notes["closer"] = (request.connection, 0.0)
                self.charge(work, self.compute_cost(work))
        return answer


@faulty("money", "blocker", "D: what a generation costs is `usage.total_cost`, not a cent more.")
class LedgerInWholeCents(Provider):
    """The ledger has a column of cents and rounds up: 0.005 is booked as 0.01."""

    def charge(self, work: Work, amount: Decimal) -> None:
        super().charge(work, amount.quantize(Decimal("0.01"), rounding=ROUND_UP))


@faulty("money", "blocker", "No generation is charged twice; a download is no generation (D).")
class ChargedOnDeliveryToo(Provider):
    """The old bookkeeping, at a video's first download, runs beside the new one at its end."""

    async def answer_download(self, request: Incoming) -> Outgoing:
        answer = await super().answer_download(request)
        work = self.find_work(request.path.split("/")[3])
        if work is not None and work.order.kind == "video" and not work.notes.get("delivered"):
            work.notes["delivered"] = True
            self.charge(work, self.compute_cost(work))
        return answer
