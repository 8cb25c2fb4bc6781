"""Faults of a service that grows: ledgers, partitions, caches, queues, padding and filters."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

from tests.contract.written_by_others.drawing import draw_picture
from tests.contract.written_by_others.messages import Incoming, Outgoing, refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from decimal import Decimal

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Offer

BATCH: Final = 13
TILE: Final = 64
REDELIVERED_AFTER: Final = 4


@faulty(
    "money",
    "blocker",
    "D: every generation draws total_cost on the balance; of two equal ones one is free",
)
class LedgerDropsEqualBookings(Provider):
    """A unique index on workspace, second and amount drops the second of two equal charges."""

    def charge(self, work: Work, amount: Decimal) -> None:
        """Book an amount, unless the same one was booked in this second."""
        booked: set[tuple[int, Decimal]] = work.workspace.notes.setdefault("booked", set())
        mark = (int(self.now()), amount)
        if mark not in booked:
            booked.add(mark)
            super().charge(work, amount)


@faulty(
    "costs",
    "major",
    "D: one bucket for each UTC date; the first of a month is there twice, and counted twice",
)
class MonthsOverlapInTheCosts(Provider):
    """Costs are kept by month, both ends included: across its begin the first is listed twice."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Join the months."""
        answer = super().answer_costs(workspace, request)
        value, joined = answer.value, []
        for index, bucket in enumerate(value["data"]):
            joined += [bucket] * (2 if index and bucket["date"].endswith("-01") else 1)
        value |= {"data": joined, "total_cost": round(sum(each["cost"] for each in joined), 9)}
        answer.set_value(value)
        return answer


@faulty(
    "limits",
    "major",
    "D: polling takes nothing from the limits; the poll that finds a video finished takes one",
)
class DeliveryCountsAsAnOrder(Provider):
    """The first poll that answers `completed` is metered as a delivery: `Remaining` falls by 1."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Count the first answer with a file."""
        work = self.find_status(work_id, workspace)
        if work.status == "completed" and not work.notes.get("delivered"):
            work.notes["delivered"] = True
            self.count(workspace, "video")
        return super().answer_status(work_id, workspace, request)


@faulty(
    "inputs",
    "major",
    "D: last_frame needs a first_frame, not the other way round; a picture cannot be set in motion",
)
class FirstFrameNeedsALastOne(Provider):
    """Where a model supports both frames, a `first_frame` without a `last_frame` is 400."""

    def check_roles(self, roles: list[str], offer: Offer) -> None:
        """Ask for both."""
        super().check_roles(roles, offer)
        alone = "first_frame" in roles and "last_frame" not in roles
        if alone and offer.references.get("last_frame"):
            raise refuse_value("A first_frame needs a last_frame.", "images")


@faulty(
    "files",
    "blocker",
    "D: width and height are those of the image in pixels; the file is wider or higher than said",
)
class PicturesKeepThePaddingOfTheTiles(Provider):
    """The model draws in tiles of 64 pixels, and the rest of the last ones is not cut off."""

    def drawn_size(self, work: Work) -> tuple[int, int]:
        """Return whole tiles for a picture."""
        width, height = super().drawn_size(work)
        if work.order.kind == "video":
            return width, height
        return -(-width // TILE) * TILE, -(-height // TILE) * TILE


@faulty(
    "life",
    "blocker",
    "D: completed is final; a link opens one picture, and some seconds later another one",
)
class QueueDeliversTheJobAgain(Provider):
    """A job is acknowledged too late: 4 s after its end it runs again, and replaces the file."""

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Replace the file when the job has run again."""
        parts = request.path.split("/")
        work = self.find_work(parts[3]) if len(parts) == 5 else None
        due = work is not None and work.status == "completed" and "again" not in work.notes
        if work is not None and due and self.now() - work.ends >= REDELIVERED_AFTER:
            work.notes["again"] = True
            work.content = await asyncio.to_thread(self.draw_again, work)
        return await super().answer_download(request)

    def draw_again(self, work: Work) -> bytes:
        """Return what the second run makes."""
        if work.order.kind == "video":
            mark = hashlib.sha256(work.id.encode()).digest()
            return self.draw(work) + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark
        return draw_picture(work.size, work.order.output_format, f"again {work.id}")


@faulty(
    "isolation",
    "blocker",
    "D: the video of another workspace is 404; whoever has its id reads its link once it has ended",
)
class FinishedVideosAreShownToAnyKey(Provider):
    """A finished video comes from a cache by id, in front of the check of its owner."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return what is finished to whoever asks."""
        work = self.find_work(work_id)
        if work is not None and work.order.kind == "video" and work.status == "completed":
            return work
        return super().find_status(work_id, workspace)


@faulty(
    "http",
    "major",
    "RFC 9110 8.4: Content-Encoding says how content is encoded; parts are not, and fail to decode",
)
class PartsAreLabelledGzip(Provider):
    """The gateway labels 206 `Content-Encoding: gzip` for who accepts it; the bytes are bare."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Label a part."""
        if answer.status == 206 and "gzip" in (request.header("accept-encoding") or ""):
            answer.headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        return answer
