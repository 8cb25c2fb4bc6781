"""Faults of the costs: days, ends, sums."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, ClassVar

from tests.contract.written_by_others.messages import Incoming, Outgoing
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Workspace

BUCKETS = "Section 7: one bucket for each UTC date in the range."


@faulty("costs", "major", BUCKETS)
class AnotherZone(Provider):
    """A charge belongs to the date of a zone eleven hours behind UTC."""

    def date_of(self, charge: Charge) -> date:
        return (datetime.fromtimestamp(charge.at, UTC) - timedelta(hours=11)).date()


@faulty("costs", "major", "Section 7: both ends are inclusive.")
class EndIsExcluded(Provider):
    """The date of `end` is left out."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        return super().list_dates(start, end)[:-1]


@faulty("costs", "major", "Section 7: costs are what was charged.")
class BucketsInCents(Provider):
    """Each charge is cut to whole cents before it is summed."""

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        totals = super().sum_dates(workspace, start, end)
        cent = Decimal("0.01")
        return {day: cost.quantize(cent, ROUND_DOWN) for day, cost in totals.items()}


@faulty("costs", "minor", BUCKETS)
class ThirtyBuckets(Provider):
    """At most the first 30 dates of a range are answered, as a page of a list would be."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        return super().list_dates(start, end)[:30]


@faulty("costs", "minor", "Section 7: end within 180 days of start.")
class AYearOfCosts(Provider):
    """A range of up to 365 days is taken."""

    days: ClassVar[int] = 365


@faulty("costs", "minor", "Section 7: ISO 8601 with a zone.")
class ZoneIsOptional(Provider):
    """A time without a zone is taken as UTC."""

    def read_instant(self, text: str, name: str) -> datetime:
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            return super().read_instant(text, name)
        return super().read_instant(text if instant.tzinfo else f"{text}+00:00", name)


@faulty("costs", "minor", "Section 7: + may be sent raw or as %2B.")
class RawPlusIsASpace(Provider):
    """A raw `+` in a zone is read as a space, and the time is refused."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        changed = request.target.replace("+", "%20")
        raw = Incoming(
            method=request.method,
            target=changed,
            headers=request.headers,
            body=request.body,
            connection=request.connection,
        )
        return super().answer_costs(workspace, raw)


@faulty("costs", "major", "Section 7: total_cost is the sum of the buckets.")
class TotalForgetsToday(Provider):
    """total_cost leaves out the running date, which `data` has."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        answer = super().answer_costs(workspace, request)
        body = answer.value
        today = datetime.now(UTC).date().isoformat()
        body["total_cost"] = sum(each["cost"] for each in body["data"] if each["date"] != today)
        answer.set_value(body)
        return answer


@faulty("costs", "major", "Section 7: costs are what was charged, and agree with the balance.")
class VideosAreNotInTheBill(Provider):
    """The costs list images alone."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        works = workspace.works
        return [c for c in workspace.charges if works[c.work].order.kind == "image"]


@faulty("costs", "minor", "Section 7: the range that was asked for is answered.")
class MonthByMonth(Provider):
    """A range over the end of a month loses the dates of the later months."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        return [day for day in super().list_dates(start, end) if day.month == start.month]


@faulty("costs", "minor", "Section 7: start and end with any zone are instants.")
class ZoneIsThrownAway(Provider):
    """The zone of `start` and `end` is required and then ignored: the local date counts."""

    def read_instant(self, text: str, name: str) -> datetime:
        super().read_instant(text, name)
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
