"""Faults of the costs that are shown, and of the money that is taken."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 5
PAGE: Final = 100
KEPT_DRAWINGS: Final = 3

# Costs


@faulty("costs", "major", "There is a bucket for each UTC calendar date of the range (D).")
class BucketsByTheZoneOfTheRange(Provider):
    """The first and the last bucket are the dates in the zone of the query, not in UTC."""

    def read_instant(self, text: str, name: str) -> datetime:
        """Return a time of a query, in the zone in which it was written."""
        return super().read_instant(text, name).astimezone(datetime.fromisoformat(text).tzinfo)


@faulty("costs", "major", "There is a bucket for each date of a range of up to 180 days (D).")
class CostsEndAfterHundredDays(Provider):
    """A range of more than 100 days has 100 buckets; the total is that of the whole range."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the first page of the dates."""
        answer = super().answer_costs(workspace, request)
        value = answer.value
        answer.set_value({**value, "data": value["data"][:PAGE]})
        return answer


@faulty("costs", "blocker", "The costs are what the generations cost (D), each of them.")
class EqualCostsOfASecondAreOne(Provider):
    """Of charges with the same amount in the same second, the costs show one."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges, without those that are taken for repetitions."""
        charges = super().list_charges(workspace)
        return list({(int(each.at), each.amount): each for each in charges}.values())


# Money


@faulty("money", "blocker", "A generation costs `usage.total_cost` (D), once; downloads are free.")
class RedrawnFileIsPaidAgain(Provider):
    """Each third download finds the file gone from the store, draws it anew and charges it."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a link, and charge for it if it is drawn again."""
        work = super().open_link(work_id, index, query)
        work.notes["opened"] = work.notes.get("opened", 0) + 1
        if work.notes["opened"] % KEPT_DRAWINGS == 0:
            work.content = b""
            self.charge(work, self.compute_cost(work))
        return work


@faulty(
    "money", "blocker", "The balance is what was paid in less what was used (D); polls are reads."
)
class RefundComesWithEachPoll(Provider):
    """One video of three fails, and each further poll of it adds its price to the balance."""

    fail_every: ClassVar[int] = 3

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the status of a video, and release its hold once more if it failed."""
        answer = super().answer_status(work_id, workspace, request)
        work = self.find_status(work_id, workspace)
        if work.status == "failed":
            work.notes["released"] = work.notes.get("released", 0) + 1
            if work.notes["released"] > 1:
                self.charge(work, -self.compute_cost(work))
        return answer


@faulty("money", "blocker", "What is charged is `usage.total_cost` = price x quantity (D).")
class WholeHoldIsCaptured(Provider):
    """Without `duration` the longest is held, and all that is taken; `usage` tells less."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order of a body, and remember whether it has a duration."""
        self.notes["open"] = "duration" not in body
        return super().read_order(body, kind)

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Return the generation of an order, with the seconds to hold money for."""
        work = super().prepare(order, workspace)
        held = max(order.offer.durations, default=1) if self.notes["open"] else work.quantity
        work.notes["held"] = held
        return work

    def compute_cost(self, work: Work) -> Decimal:
        """Return what was held."""
        return work.unit_price * int(work.notes.get("held", work.quantity))
