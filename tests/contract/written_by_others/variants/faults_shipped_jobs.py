"""Faults of the lives of videos, and of the catalogue."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    answer_json,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Offer

BATCH: Final = 5
REPLICAS: Final = 3
LAG: Final = 6
KEPT_SECONDS: Final = 20
RETRY_SECONDS: Final = 5
INDEXED_UNTIL: Final = "2026-03"
OLD_FIELDS: Final = ("id", "name", "type", "created_at")
OLD_NODES: Final = 4

# Life


@faulty("life", "blocker", "`completed` and `failed` are terminal (D).")
class StatusComesFromALateReplica(Provider):
    """Each third look is at a replica 6 s behind, where an ended video is still pending."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the status of a video by the database whose turn it is."""
        answer = super().answer_status(work_id, workspace, request)
        self.notes["looks"] = self.notes.get("looks", 0) + 1
        work = self.find_status(work_id, workspace)
        if self.notes["looks"] % REPLICAS == 0 and self.now() < work.ends + LAG:
            answer.set_value({"id": work_id, "status": "pending"})
        return answer


@faulty(
    "life", "blocker", "`completed` and `failed` are terminal (D): the status does not go away."
)
class JobRecordExpires(Provider):
    """The status of a video is 404 from 20 s after its end, while its file is still there."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id, if the queue still knows it."""
        work = super().find_status(work_id, workspace)
        if work.status != "pending" and self.now() > work.ends + KEPT_SECONDS:
            raise refuse_unknown("The generation was not found.")
        return work


@faulty(
    "life", "blocker", "`failed` is terminal (D); nobody pays for what was said to have failed."
)
class FailedVideoIsTriedAgain(Provider):
    """One video of three fails, and 5 s later is completed and charged after all."""

    fail_every: ClassVar[int] = 3

    def settle(self, workspace: Workspace) -> None:
        """End the videos whose time has come, and let the queue try failed ones again."""
        super().settle(workspace)
        for work in list(workspace.works.values()):
            if work.status == "failed" and self.now() >= work.ends + RETRY_SECONDS:
                work.fails = False
                self.end(work)


# Catalogue


@faulty("catalogue", "major", "All fields of a model are required (D, since SDK 0.4.0).")
class OneNodeHasTheOldCatalogue(Provider):
    """Each fourth list is that of the former release: models without what they can and cost."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer the list of models by the node whose turn it is."""
        answer = super().answer_models(request)
        self.notes["lists"] = self.notes.get("lists", 0) + 1
        if self.notes["lists"] % OLD_NODES == 0:
            answer.set_value([{key: each[key] for key in OLD_FIELDS} for each in answer.value])
        return answer


@faulty("catalogue", "major", "`?type=` filters (D): it leaves out none of its type.")
class FilterKnowsOldModelsOnly(Provider):
    """The list by type lacks the models that were added since March; the whole list has them."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer the list of models, by an index where there is a filter."""
        answer = super().answer_models(request)
        if "type" not in request.query:
            return answer
        indexed = [each for each in answer.value if each["created_at"] < INDEXED_UNTIL]
        return answer_json(indexed)


def _round_prices(model: dict[str, Any]) -> dict[str, Any]:
    for rate in model["pricing"]["rates"]:
        price = Decimal(rate["unit_price"]).quantize(Decimal("0.001"), ROUND_HALF_UP)
        rate["unit_price"] = format(price.normalize(), "f")
    return model


@faulty("catalogue", "major", "The catalogue's `unit_price` is the price of a unit (D).")
class PricesAreShownToThreeDecimals(Provider):
    """The catalogue shows prices rounded to a tenth of a cent: one is 0.016 and costs 0.0155."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is in the list."""
        return _round_prices(super().list_offer(offer))

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is retrieved alone."""
        return _round_prices(super().describe_offer(offer))
