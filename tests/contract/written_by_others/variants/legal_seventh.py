"""Legal differences: what the facts leave open, and what HTTP and JSON allow."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 7


@legal("RFC 8259: white space, the order of members and escapes carry no meaning")
class EscapedAndIndentedJson(Provider):
    """JSON is indented, sorted and escaped beyond ASCII, and its type names a charset."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Write the JSON in another way."""
        answer = super().finish(request, answer)
        if answer.header("content-type") == "application/json":
            answer.body = json.dumps(answer.value, indent=3, sort_keys=True).encode()
            answer.set_header("Content-Type", "application/json; charset=utf-8")
        return answer


@legal("RFC 9110 5.1 and 5.5: field names have no case, white space around values is no part")
class HeadersInLowerCase(Provider):
    """All header names are in lower case, without a space after the colon."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Write the names in lower case."""
        head, body = super().frame(request, head, body)
        first, *fields = head.split(b"\r\n")
        lines = [first]
        for field in fields:
            name, colon, value = field.partition(b":")
            lines.append(name.lower() + colon + value.strip())
        return b"\r\n".join(lines), body


@legal("D: width, height, duration and fps are optional and nullable, has_sound is optional")
class SizesAreNotTold(Provider):
    """Items lack `width`, `height` and `has_sound`; `duration` and `fps` are null."""

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Return only what is required."""
        item = super().describe_file(work, origin)
        for name in ("width", "height", "has_sound"):
            item.pop(name, None)
        if work.order.kind == "video":
            item.update(duration=None, fps=None)
        return item


class OfferOfOnePrice(Offer):
    """A model with one price for whatever is ordered."""

    def describe(self) -> dict[str, Any]:
        """Return the model; its only rate holds for any resolution."""
        shown = super().describe()
        for rate in shown["pricing"]["rates"]:
            rate["resolution"] = None
        return shown

    def find_price(self, resolution: str, *, sound: bool) -> Decimal:
        """Return the only price."""
        del resolution, sound
        return Decimal(self.rates[0].unit_price)


def _flatten(offer: Offer, price: str) -> Offer:
    rate = Rate(resolution="", sound="not_applicable", unit_price=price)
    return OfferOfOnePrice(**{**vars(offer), "rates": (rate,)})


FLAT_PRICES: Final = {"z-image-turbo": "0.008", "seedance-v1-pro": "0.030"}


@legal("D: resolution null is any, not_applicable is a fallback for video; values vary by account")
class AnyResolutionHasOnePrice(Provider):
    """Two models have one rate each, with `resolution` null; one price ends in a zero."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(
        _flatten(each, FLAT_PRICES[each.id]) if each.id in FLAT_PRICES else each for each in OFFERS
    )


class UnpricedOffer(Offer):
    """A model whose price is not published."""

    def describe(self) -> dict[str, Any]:
        """Return the model without rates."""
        shown = super().describe()
        shown["pricing"]["rates"] = []
        return shown


@legal("D: rates may be empty, and that does not mean free; usage tells the price")
class OnePriceIsNotPublished(Provider):
    """`z-image-turbo` has no rates in the catalogue; it is charged, and `usage` says how much."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(
        UnpricedOffer(**vars(each)) if each.id == "z-image-turbo" else each for each in OFFERS
    )


@legal("X: when a generation is charged is unknown; a failed one is given back in full")
class ChargedWhenAccepted(Provider):
    """Orders are charged at submission, and given back on failure; every eighth video fails."""

    fail_every: ClassVar[int] = 8

    def on_submission(self, work: Work) -> None:
        """Charge at once."""
        self.charge(work, self.compute_cost(work))

    def on_completion(self, work: Work) -> None:
        """Charge nothing more."""

    def on_failure(self, work: Work) -> None:
        """Give the money back."""
        self.charge(work, -self.compute_cost(work))

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Hold nothing, since all is charged."""
        del workspace
        return Decimal(0)


@legal("X: fixed or sliding window is unknown; 60 s is documented, and so are unix seconds")
class MinuteWindowSlides(Provider):
    """Limits count the last 60 s; `X-RateLimit-Reset` is when the oldest request falls out."""

    def start_of_window(self) -> float:
        """Return the time sixty seconds ago."""
        return self.now() - WINDOW

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return when the oldest counted request falls out."""
        begin = self.start_of_window()
        oldest = min((at for at in workspace.started[kind] if at >= begin), default=self.now())
        return math.ceil(oldest + WINDOW)


@legal("X: the statuses of wrong, expired and unknown links are open; all refuse, in the envelope")
class EveryBadLinkIsNotFound(Provider):
    """Links that are tampered with, expired or unknown are all 404 `not_found`."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Refuse every bad link alike."""
        try:
            return super().open_link(work_id, index, query)
        except RefusedError:
            raise refuse_unknown() from None


@legal("X: Range, ETag and Content-Disposition are open; RFC 9110 14.2 lets a server ignore Range")
class FilesWithoutRanges(Provider):
    """Downloads have no tags, ranges or names: every GET is 200 with all bytes."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Answer the whole file."""
        del request
        headers = [("Content-Type", self.media_type(work.order)), ("Accept-Ranges", "none")]
        return Outgoing(status=200, headers=headers, body=content)


@legal("RFC 9110 8.8.3: tags may be weak; If-Range with a weak one is answered in full (13.1.5)")
class WeakTags(Provider):
    """The tags of downloads are weak, `W/"..."`, because the edge may compress."""

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        """Mark the tag as weak."""
        answer = super().answer_file(request, work, content)
        if (tag := answer.header("etag")) is not None:
            answer.set_header("ETag", f"W/{tag}")
        return answer


@legal("I: the form of an id is an example; it is an opaque, unique string")
class IdsAreUuids(Provider):
    """Ids are `req-` and a UUID in lower case, with its hyphens."""

    def make_id(self) -> str:
        """Return a UUID."""
        return f"req-{uuid.uuid4()}"


@legal("X: whether the URL stays the same from poll to poll is open; each works until deletes_at")
class TwoSecretsTakeTurns(Provider):
    """Two edges sign with a secret each: the URL may differ from poll to poll, and all work."""

    def sign_otherwise(self, signature: str) -> str:
        """Return the signature of the other edge."""
        return hashlib.sha256(self.secret + signature.encode()).hexdigest()

    def make_link(self, work: Work, origin: str) -> str:
        """Return a link of the edge that has the turn."""
        link, _, signature = super().make_link(work, origin).rpartition("=")
        turn = self.notes["turn"] = self.notes.get("turn", 0) + 1
        return f"{link}={self.sign_otherwise(signature) if turn % 2 else signature}"

    def same_signature(self, given: str, expected: str) -> bool:
        """Return whether either edge signed."""
        either = (expected, self.sign_otherwise(expected))
        return any(super(TwoSecretsTakeTurns, self).same_signature(given, each) for each in either)


@legal("D: a video may fail, with HTTP 200 and server_error; nothing is charged for it")
class EverySeventhVideoFails(Provider):
    """Every seventh video fails as documented, and is not charged."""

    fail_every: ClassVar[int] = 7


@legal("D: data holds one or more files, a quantity of 1 is documented for an image all the same")
class TwoFilesOfAPicture(Provider):
    """An image comes in two takes: `data` has a second item, at `/1`, for the price of one."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Add the second take of a picture."""
        shown = super().describe_work(work, origin)
        if work.order.kind == "image":
            exp = str(self.link_expiry(work))
            query = f"exp={exp}&sig={self.sign(work.id, '1', exp)}"
            url = f"{origin}/v2/downloads/{work.id}/1?{query}"
            shown["data"].append({**shown["data"][0], "url": url})
        return shown

    def is_item(self, index: str) -> bool:
        """Return whether there may be a file of a number."""
        return index in {"0", "1"}

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Refuse the second file of a video."""
        work = self.find_work(work_id)
        if work is not None and work.order.kind == "video" and index != "0":
            raise refuse_unknown()
        return super().open_link(work_id, index, query)

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Answer the second take from a copy of the work."""
        parts = request.path.split("/")
        if len(parts) != 5 or parts[4] != "1":
            return await super().answer_download(request)
        work = self.open_link(parts[3], parts[4], request.query)
        if "take" not in work.notes:
            order = replace(work.order, prompt=f"{work.order.prompt} (take 2)")
            take = replace(work, order=order, notes={})
            take.content = await asyncio.to_thread(self.draw, take)
            work.notes["take"] = take
        take = work.notes["take"]
        return self.answer_file(request, take, self.served_content(take))
