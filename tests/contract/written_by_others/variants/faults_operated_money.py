"""Faults of the costs and of the money."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar, Final

from tests.contract.written_by_others.provider import VIDEOS, Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 4


@faulty("costs", "major", "One bucket for each UTC date in the range (D)")
class DatesInTheZoneOfTheQuery(Provider):
    """The dates of a range are those of the zone in which it was asked for, not of UTC."""

    def read_instant(self, text: str, name: str) -> datetime:
        """Return a time in its own zone."""
        super().read_instant(text, name)
        return datetime.fromisoformat(text)


@faulty("costs", "major", "One bucket for each UTC date in the range, up to 180 days (D)")
class OneHundredBucketsAtMost(Provider):
    """Only the first hundred dates are answered, and the total is theirs: a page without a next."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        """Return the first page of dates."""
        return super().list_dates(start, end)[:100]


@faulty("costs", "major", "The costs are what was charged: usage.total_cost, sound included (D)")
class SoundIsNotInTheCosts(Provider):
    """The costs count videos with sound at the price without; usage and balance are right."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges as the report's own table of prices has them."""
        return [self.price_again(workspace, each) for each in workspace.charges]

    def price_again(self, workspace: Workspace, charge: Charge) -> Charge:
        """Return a charge at the price without sound."""
        work = workspace.works[charge.work]
        offer = work.order.offer
        if not (work.order.sound and offer.sound):
            return charge
        price = offer.find_price(work.order.resolution, sound=False)
        return dataclasses.replace(charge, amount=price * work.quantity)


@faulty("money", "blocker", "A generation is paid once; polling is a read (D)")
class BothPollersCharge(Provider):
    """Two polls at the same moment both find the video done, and both charge it."""

    def settle(self, workspace: Workspace) -> None:
        """Leave ends to the operations."""

    async def operate(self, request: Incoming, workspace: Workspace) -> Outgoing:
        """End the polled video between a look and a write, all others as usual."""
        work = workspace.works.get(request.path.rpartition("/")[2])
        if request.path.startswith(f"{VIDEOS}/") and work is not None:
            if work.status == "pending" and work.ends <= self.now():
                await asyncio.sleep(0.03)
                self.end(work)
        else:
            super().settle(workspace)
        return await super().operate(request, workspace)


@faulty("money", "blocker", "A failed generation has no data and no usage: nothing may be charged")
class FailuresCostOneSecond(Provider):
    """Every fourth video fails, and keeps the price of one second as the minimum."""

    fail_every: ClassVar[int] = 4

    def on_failure(self, work: Work) -> None:
        """Charge the minimum."""
        self.charge(work, work.unit_price)


@faulty("money", "blocker", "The price of a unit is the catalogue's (D)")
class OneReplicaHasTheOldPrices(Provider):
    """Every fifth image meets a replica with last month's prices, a quarter above the catalogue."""

    def find_unit_price(self, order: Order) -> Decimal:
        """Return the price that the replica has."""
        price = super().find_unit_price(order)
        if order.kind == "video":
            return price
        count = self.notes["priced"] = self.notes.get("priced", 0) + 1
        return price * Decimal("1.25") if count % 5 == 0 else price
