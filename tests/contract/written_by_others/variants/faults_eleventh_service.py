"""Faults of services: queues, replicas, nodes, pages, price lists and encodings."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work, Workspace

BATCH: Final = 11
REDELIVERED: Final = 3
REPLICA_SECONDS: Final = 6
PAGE: Final = 31
RISE: Final = Decimal("1.1")


# Money


@faulty(
    "money",
    "blocker",
    "D: a generation draws total_cost on the balance; every third one draws it twice",
)
class QueueBooksEveryThirdTwice(Provider):
    """The queue of finished work delivers every third message again, and it is booked again."""

    def on_completion(self, work: Work) -> None:
        """Book what the queue delivers."""
        super().on_completion(work)
        if work.number % REDELIVERED == 0:
            super().on_completion(work)


# Isolation


@faulty(
    "isolation",
    "blocker",
    "D: download URLs are signed; a link of one's own opens any file whose id is put into it",
)
class SignatureDoesNotCoverTheId(Provider):
    """`sig` is made of the item and `exp`: with another generation's id the link opens its file."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Sign what stands after the id."""
        return super().sign("", index, exp)


# Lives


@faulty(
    "life",
    "blocker",
    "D: 202 gives the id to poll, and not_found is final; a paid video is given up by its client",
)
class NewVideosAreUnknownToTheReplica(Provider):
    """The status is read from a replica that lags: for 6 seconds a new video's id is 404."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Refuse what the replica does not have yet."""
        work = super().find_status(work_id, workspace)
        if self.now() - work.created < REPLICA_SECONDS:
            raise refuse_unknown("The generation was not found.")
        return work


# Files


@faulty(
    "files",
    "blocker",
    "RFC 9110 8.8.1: a strong tag is of the same bytes; a resumed picture is made of two files",
)
class TwoNodesDrawThePictureAnew(Provider):
    """Two nodes in turn answer downloads, each encoded the picture itself; the tag is the id."""

    def make_tag(self, work: Work, content: bytes) -> str:
        """Return the tag that both nodes share."""
        return f'"{work.id}"'

    def served_content(self, work: Work) -> bytes:
        """Return the bytes of the node whose turn it is."""
        turn = work.notes["turn"] = work.notes.get("turn", 0) + 1
        if work.order.kind == "video" or turn % 2:
            return super().served_content(work)
        if "second" not in work.notes:
            buffer = io.BytesIO()
            form = work.order.output_format.upper()
            with Image.open(io.BytesIO(work.content)) as picture:
                picture.save(buffer, form, quality=60, compress_level=3)
            work.notes["second"] = buffer.getvalue()
        second: bytes = work.notes["second"]
        return second


# Costs


@faulty(
    "costs",
    "major",
    "D: one bucket for each date of the range, up to 180 days; those after 31 are left out",
)
class CostsEndWithTheFirstPage(Provider):
    """`data` is the first page of 31 days, without a way to the next; `total_cost` is of all."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Cut the page off."""
        answer = super().answer_costs(workspace, request)
        shown = answer.value
        answer.set_value({**shown, "data": shown["data"][:PAGE]})
        return answer


# Limits


@faulty(
    "limits",
    "minor",
    "D: the three X-RateLimit headers stand on the status of a video, whatever it is",
)
class FinishedStatusLosesItsLimits(Provider):
    """What has ended is answered from a cache of bodies: its status has no `X-RateLimit-*`."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer what is final without headers of its own."""
        answer = super().answer_status(work_id, workspace, request)
        if answer.value["status"] != "pending":
            for name in ("Limit", "Remaining", "Reset"):
                answer.set_header(f"X-RateLimit-{name}", None)
        return answer


# The catalogue


@faulty(
    "catalogue",
    "blocker",
    "D: pricing is what a unit costs; a video with sound is paid a tenth above the listed price",
)
class CatalogueHasThePricesOfLastMonth(Provider):
    """Sound became 10 % dearer, which orders and `usage` know, and the catalogue does not."""

    def find_unit_price(self, order: Order) -> Decimal:
        """Return the new price."""
        price = super().find_unit_price(order)
        return price * RISE if self.has_sound(order) else price


# Errors


@faulty(
    "errors",
    "major",
    "RFC 8259 8.1: JSON is UTF-8; a refusal that repeats `é` or `ü` is not readable for any client",
)
class RefusalsAreWrittenInLatinOne(Provider):
    """An older module writes refusals in ISO 8859-1: one that repeats `ü` is not valid UTF-8."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Write letters as the older module does."""
        answer = super().answer_error(error)
        answer.body = answer.body.decode().encode("latin-1", "replace")
        return answer
