"""Faults of costs and money."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 6
PAGE: Final = 90
CACHE_SECONDS: Final = 45
LEAST_SECONDS: Final = 5


@faulty("costs", "major", "D: a bucket for each UTC date of the range; charges of today are lost")
class DatesInTheZoneOfStart(Provider):
    """The dates of a range are those of the zone in which `start` was written, not of UTC."""

    def read_instant(self, text: str, name: str) -> datetime:
        """Return a time in the zone in which it was written."""
        super().read_instant(text, name)
        return datetime.fromisoformat(text)

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        """Return the dates in the zone of the start."""
        first, last = start.date(), end.astimezone(start.tzinfo).date()
        return [first + timedelta(days=index) for index in range((last - first).days + 1)]


@faulty("costs", "major", "D: a range has up to 180 days, both ends included; the last are missing")
class NinetyDaysToAPage(Provider):
    """A query returns the first ninety dates of a range, and there is no second page."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        """Return the first page of the dates."""
        return super().list_dates(start, end)[:PAGE]


@faulty("costs", "major", "D: total_cost is the cost of the range; it is not the sum of its days")
class TotalFromTheCache(Provider):
    """`total_cost` is cached for 45 s by the dates of the range, while `data` is always fresh."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the days of now with the total of before."""
        answer = super().answer_costs(workspace, request)
        value = answer.value
        dates = (value["start"][:10], value["end"][:10])
        cache = workspace.notes.setdefault("totals", {})
        at, total = cache.get(dates, (0.0, 0.0))
        if self.now() - at > CACHE_SECONDS:
            cache[dates] = (self.now(), value["total_cost"])
        else:
            value["total_cost"] = total
            answer.set_value(value)
        return answer


@faulty("money", "blocker", "Money is taken twice for one video")
class BookedAgainOnANewConnection(Provider):
    """A finished video is booked once for each connection over which it is polled."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Book what this connection has not seen as finished."""
        answer = super().answer_status(work_id, workspace, request)
        work = self.find_status(work_id, workspace)
        if work.status == "completed":
            seen: set[int] = work.notes.setdefault("lines", set())
            if seen and request.connection not in seen:
                self.charge(work, self.compute_cost(work))
            seen.add(request.connection)
        return answer


@faulty("money", "blocker", "Money is taken for nothing: a failed video delivers no file")
class FailureCostsASecond(Provider):
    """Every third video fails, and its first second is charged as a fee for starting."""

    fail_every: ClassVar[int] = 3

    def on_failure(self, work: Work) -> None:
        """Charge the first second."""
        self.charge(work, work.unit_price)


@faulty("money", "blocker", "D: a generation costs usage.total_cost; the balance falls by more")
class ShortVideosPayFiveSeconds(Provider):
    """Videos of four seconds are charged as five, while their `usage` says four."""

    def compute_cost(self, work: Work) -> Decimal:
        """Return the price of five seconds at least."""
        cost = super().compute_cost(work)
        least = work.unit_price * LEAST_SECONDS
        return max(cost, least) if work.order.kind == "video" else cost
