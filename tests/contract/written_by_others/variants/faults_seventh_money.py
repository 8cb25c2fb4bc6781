"""Faults of costs, money and the lives of videos, from billing jobs, calendars and queues."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
from tests.contract.written_by_others.messages import refuse_unknown
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 7
PAGE: Final = 20
REFERENCE_FEE: Final = Decimal("0.002")
WORKERS: Final = 2
KEPT_VIDEOS: Final = 8
REDELIVERY_SECONDS: Final = 0.5


@faulty("costs", "major", "D: one bucket for each UTC date of the range; these are local dates")
class BucketsFollowTheCallersZone(Provider):
    """Dates are those of `start` and `end` as written: another zone loses or adds a date."""

    def read_instant(self, text: str, name: str) -> datetime:
        """Return the time in the zone of the caller."""
        super().read_instant(text, name)
        return datetime.fromisoformat(text)


@faulty("costs", "blocker", "D: costs are what was spent; later spending never shows")
class CostsReadOnePageOfCharges(Provider):
    """Reports read one page of the ledger: only a workspace's first twenty charges are summed."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the first page."""
        return super().list_charges(workspace)[:PAGE]


@faulty("costs", "major", "D: both ends inclusive, one bucket for each UTC date; the last is lost")
class WinterTimeLosesTheLastDate(Provider):
    """Days are counted in local time: a range over October's clock change lacks its last date."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        """Lose a date where a day was longer."""
        dates = super().list_dates(start, end)
        for year in {start.year, end.year}:
            last = date(year, 10, 31)
            change = last - timedelta(days=(last.weekday() + 1) % 7)
            if start.date() <= change < end.date():
                dates.pop()
        return dates


@faulty("money", "blocker", "D: total_cost is unit_price times quantity; more leaves the balance")
class ReferencesAreChargedOnTheSide(Provider):
    """Each reference image is charged 0.002 beside the price, which `usage` does not tell."""

    def on_completion(self, work: Work) -> None:
        """Book the references as well."""
        super().on_completion(work)
        if work.order.references:
            self.charge(work, REFERENCE_FEE * len(work.order.references))


@dataclass(frozen=True, kw_only=True)
class UntoldOrder(Order):
    """An order that does not say whether there is sound."""


@faulty("money", "blocker", "D: sound is false by default; a silent video has the sound_off price")
class UntoldSoundIsBilledAsSound(Provider):
    """A missing `sound` is null to billing, which takes the dearer rate for a silent video."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Mark an order that does not say it."""
        order = super().read_order(body, kind)
        return order if "sound" in body else UntoldOrder(**vars(order))

    def find_unit_price(self, order: Order) -> Decimal:
        """Return the price of sound where nothing was said."""
        untold = isinstance(order, UntoldOrder) and order.kind == "video"
        return super().find_unit_price(replace(order, sound=True) if untold else order)


@faulty("money", "minor", "D: balance is a decimal string, such as 12.34; not 5E+2")
class RoundBalanceIsScientific(Provider):
    """Trailing zeros are cut by normalising the number: a balance of 500 reads `5E+2`."""

    def show_money(self, amount: Decimal) -> str:
        """Return the normalised number as the library writes it."""
        plain = str(amount.normalize())
        return plain if "E" in plain else super().show_money(amount)


@faulty("life", "blocker", "D: a video that completed is completed, and is found by its id")
class OnlyTheLastEightVideosAreKnown(Provider):
    """A cache holds eight finished videos: with the ninth, the oldest is 404, though paid."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Forget the oldest."""
        found = super().find_status(work_id, workspace)
        finished = [
            work
            for work in workspace.works.values()
            if work.order.kind == "video" and work.status != "pending"
        ]
        if found.status != "pending" and found not in finished[-KEPT_VIDEOS:]:
            raise refuse_unknown("The generation was not found.")
        return found


@faulty("life", "blocker", "D: completed is terminal; the finished video is replaced by another")
class RedeliveredJobRendersAgain(Provider):
    """A job is run again: 0.5 s after the first completed poll, link, dates and bytes change."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Keep when the completed video was first seen, and replace it later."""
        if work.order.kind == "video" and work.status == "completed":
            seen = work.notes.setdefault("seen", self.now())
            if "again" not in work.notes and self.now() - seen >= REDELIVERY_SECONDS:
                work.notes["again"] = True
                work.expires = int(self.now() + self.retention) + 1
                work.content = b""
        return super().describe_work(work, origin)

    def draw(self, work: Work) -> bytes:
        """Draw something else the second time."""
        if "again" in work.notes:
            again = replace(work.order, prompt=f"{work.order.prompt} (again)")
            work = replace(work, order=again)
        return super().draw(work)


@faulty("life", "major", "D: pending, completed or failed, and nothing else")
class BusyQueueHasAStateOfItsOwn(Provider):
    """While two videos are being made, the status of further ones is `queued`."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Tell that the video waits."""
        shown = super().describe_work(work, origin)
        pending = [
            each
            for each in work.workspace.works.values()
            if each.order.kind == "video" and each.status == "pending"
        ]
        if any(each is work for each in pending[WORKERS:]):
            shown["status"] = "queued"
        return shown
