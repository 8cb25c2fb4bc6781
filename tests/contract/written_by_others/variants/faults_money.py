"""Faults of money: what is charged, refunded and shown."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from tests.contract.written_by_others.accounts import Charge
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

ONCE = "Section 7: a generation is charged unit_price * quantity, once."


@faulty("money", "blocker", ONCE)
class EveryTenthTwice(Provider):
    """Every tenth generation is charged twice."""

    def charge(self, work: Work, amount: Decimal) -> None:
        super().charge(work, amount)
        if work.number % 10 == 0:
            super().charge(work, amount)


@faulty("money", "blocker", "Section 7 (X) and common sense: a failure is not charged.")
class FailedVideosArePaid(Provider):
    """A failed video is charged; every third video fails."""

    fail_every: ClassVar[int] = 3

    def on_failure(self, work: Work) -> None:
        self.charge(work, self.compute_cost(work))


@faulty("money", "blocker", ONCE)
class RefundsTwice(Provider):
    """Charged at submission; a failed video is given back twice, every third one fails."""

    fail_every: ClassVar[int] = 3

    def on_submission(self, work: Work) -> None:
        self.charge(work, self.compute_cost(work))

    def on_completion(self, work: Work) -> None:
        """Nothing is left to do."""

    def on_failure(self, work: Work) -> None:
        self.charge(work, -2 * self.compute_cost(work))

    def sum_held(self, workspace: Workspace) -> Decimal:
        return Decimal(0)


@faulty("money", "blocker", "Section 7: quantity is the seconds of a video.")
class BilledInFives(Provider):
    """The balance pays video seconds in steps of five, while usage names the true number."""

    def compute_cost(self, work: Work) -> Decimal:
        steps = -(-work.quantity // 5) * 5 if work.order.kind == "video" else work.quantity
        return work.unit_price * steps


@faulty("money", "blocker", "Section 6: exact sound before not_applicable.")
class SilencePaysForSound(Provider):
    """A 1080p video without sound is charged as one with sound; usage says the same."""

    def find_unit_price(self, order: Order) -> Decimal:
        if order.resolution == "1080p" and order.offer.sound:
            order = replace(order, sound=True)
        return super().find_unit_price(order)


@faulty("money", "major", "Section 6: the price of the exact resolution.")
class DefaultCostsTheDearest(Provider):
    """Without `resolution`, the dearest price of the model is charged and shown."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        order = super().read_order(body, kind)
        self.notes["left out"] = "resolution" not in body
        return order

    def find_unit_price(self, order: Order) -> Decimal:
        if self.notes.pop("left out", False):
            return max(Decimal(rate.unit_price) for rate in order.offer.rates)
        return super().find_unit_price(order)


@faulty("money", "blocker", "Section 7: nothing is charged for any 4xx.")
class RefusalsCost(Provider):
    """A submission that is refused for a value of the model costs a cent."""

    def on_refusal(self, workspace: Workspace, kind: Kind, error: RefusedError) -> None:
        if error.status == 400 and error.message.startswith("Unsupported"):
            charge = Charge(at=self.now(), amount=Decimal("0.01"), work="refused")
            workspace.charges.append(charge)


@faulty("money", "blocker", "Section 4: polling is a read; it costs nothing.")
class ThirdLookIsPaidAgain(Provider):
    """The third look at a completed video charges it again."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        answer = super().answer_status(work_id, workspace, request)
        work = workspace.works[work_id]
        if work.status == "completed":
            work.notes["looks"] = work.notes.get("looks", 0) + 1
            if work.notes["looks"] == 3:
                self.charge(work, self.compute_cost(work))
        return answer


@faulty("money", "minor", "Section 7: total_cost = unit_price * quantity.")
class UsageInCents(Provider):
    """usage.total_cost is rounded to whole cents; the balance is exact."""

    def show_usage(self, work: Work) -> dict[str, Any]:
        usage = super().show_usage(work)
        return {**usage, "total_cost": round(usage["total_cost"] + 1e-9, 2)}


@faulty("money", "major", ONCE)
class LostUpdates(Provider):
    """Two charges within 30 ms lose one of them, as a read-modify-write without a lock does."""

    def charge(self, work: Work, amount: Decimal) -> None:
        charges = work.workspace.charges
        if charges and self.now() - charges[-1].at < 0.03:
            charges.pop()
        super().charge(work, amount)


@faulty("money", "major", "Section 7: reading is free.")
class CostsCost(Provider):
    """Each query of the costs takes a tenth of a cent from the balance, not from the costs."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        answer = super().answer_costs(workspace, request)
        workspace.deposit -= Decimal("0.001")
        return answer


@faulty("money", "minor", "Section 7: a decimal string such as 12.34.")
class BalanceIsAFloat(Provider):
    """The balance is computed in binary: 499.96000000000004."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        balance = float(workspace.deposit)
        for charge in workspace.charges:
            balance -= float(charge.amount)
        return answer_json({"balance": str(balance), "currency": "USD"})


@faulty("money", "blocker", "Section 2: webp costs what the catalogue says.")
class WebpCostsMore(Provider):
    """A WebP takes 20 % more from the balance than usage says."""

    def compute_cost(self, work: Work) -> Decimal:
        factor = Decimal("1.2") if work.order.output_format == "webp" else Decimal(1)
        return super().compute_cost(work) * factor


@faulty("money", "blocker", "Section 6: the listed price is what is charged.")
class OldPriceList(Provider):
    """3K pictures are charged 0.06, while the catalogue still lists 0.055; usage says 0.06."""

    def find_unit_price(self, order: Order) -> Decimal:
        price = super().find_unit_price(order)
        return Decimal("0.06") if order.resolution == "3K" else price


@faulty("money", "blocker", "Section 7: a reference is part of the price of the image.")
class ReferencesCostExtra(Provider):
    """A generation with references takes another cent from the balance for each of them."""

    def compute_cost(self, work: Work) -> Decimal:
        return super().compute_cost(work) + Decimal("0.01") * len(work.order.references)


@faulty("money", "major", "Section 7: an accepted generation is charged.")
class NightlyFreebie(Provider):
    """Every seventh image is not charged, though its usage names the price."""

    def charge(self, work: Work, amount: Decimal) -> None:
        if work.order.kind == "video" or work.number % 7:
            super().charge(work, amount)
