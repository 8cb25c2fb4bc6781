"""Legal differences of the twenty-first batch, first author."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 21
FLAT_MODEL: Final = "z-image-turbo"
FLAT_PRICE: Final = "0.0100"


@legal("RFC 9112, 7.1.1: a recipient must ignore chunk extensions that it does not know")
class ChunksCarryASignatureAsStorageProxiesDo(Provider):
    """JSON is sent in a chunk that has an extension, `;chunk-signature=...`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer, chunked if it is JSON."""
        answer = super().finish(request, answer)
        answer.chunked = answer.header("content-type") == "application/json"
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the bytes; the first chunk gets its extension."""
        head, body = super().frame(request, head, body)
        if body and b"transfer-encoding: chunked" in head.lower():
            size, _, rest = body.partition(b"\r\n")
            mark = hashlib.sha256(rest).hexdigest().encode()
            body = size + b";chunk-signature=" + mark + b"\r\n" + rest
        return head, body


def _flatten(offer: Offer) -> Offer:
    if offer.id != FLAT_MODEL:
        return offer
    rates = tuple(
        Rate(resolution=each, sound="not_applicable", unit_price=FLAT_PRICE)
        for each in offer.resolutions
    )
    return dataclasses.replace(offer, rates=rates)


def _list_flat_price(offer: Offer) -> dict[str, Any]:
    described = offer.describe()
    if offer.id == FLAT_MODEL:
        rate = described["pricing"]["rates"][0]
        described["pricing"]["rates"] = [{**rate, "resolution": None}]
    return described


@legal("D: a rate's `resolution` may be null, which is any; `unit_price` is a decimal string")
class OneFlatPriceForEverySizeOfAModel(Provider):
    """One image model costs the same in each resolution: one rate, `null`, of `0.0100`."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(_flatten(each) for each in OFFERS)

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model; the flat price is for any resolution."""
        return _list_flat_price(offer)

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model; the flat price is for any resolution."""
        return _list_flat_price(offer)


@legal("D: an `id` is a string; RFC 3986, 2.3: `~` and `.` stand in a path as they are")
class IdsEndInTheRegionThatDrewThem(Provider):
    """Ids end in the region that drew them, such as `~fra.2`, also in links and file names."""

    def make_id(self) -> str:
        """Return an id with a region."""
        number = self.notes.get("regions", 0)
        self.notes["regions"] = number + 1
        return f"{super().make_id()}~{('fra', 'iad')[number % 2]}.{number % 3 + 1}"
