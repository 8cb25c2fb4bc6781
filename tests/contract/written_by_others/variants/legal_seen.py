"""Variants that differ where the facts leave a provider free."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.catalogue import OFFERS, Rate
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
    refuse_value,
)
from tests.contract.written_by_others.provider import VIDEOS, Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind, Offer

BATCH: Final = 3

FIELDS: Final = {
    "image": {"model", "prompt", "aspect_ratio", "resolution", "output_format", "images"},
    "video": {"model", "prompt", "aspect_ratio", "resolution", "duration", "sound", "images"},
}


@legal("X: whether a link stays the same from look to look; `exp` does, and each of them works.")
class SaltedSignatures(Provider):
    """Each look at a generation signs its link anew, with a salt in the signature."""

    def make_link(self, work: Work, origin: str) -> str:
        self.notes["salt"] = secrets.token_hex(4)
        return super().make_link(work, origin)

    def sign(self, work_id: str, index: str, exp: str) -> str:
        salt = str(self.notes["salt"])
        text = f"{salt}/{work_id}/{index}?{exp}".encode()
        return salt + hmac.new(self.secret, text, hashlib.sha256).hexdigest()

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        self.notes["salt"] = query.get("sig", "")[:8]
        return super().open_link(work_id, index, query)


@legal("X: when a generation is charged; a failed one is paid back in full.")
class PaidInAdvance(Provider):
    """A generation is charged at its submission, and paid back if it fails; every fourth does."""

    fail_every: ClassVar[int] = 4

    def on_submission(self, work: Work) -> None:
        self.charge(work, self.compute_cost(work))

    def on_completion(self, work: Work) -> None:
        del work

    def on_failure(self, work: Work) -> None:
        self.charge(work, -self.compute_cost(work))

    def sum_held(self, workspace: Workspace) -> Decimal:
        del workspace
        return Decimal(0)


@legal("O: 20 pictures a minute and 3 to 5 at once; X: `Retry-After` where too many run at once.")
class SmallAccount(Provider):
    """20 pictures and 10 videos a minute, 3 at once, and `Retry-After` on every 429."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 20, "video": 10}
    at_once: ClassVar[int] = 3

    def check_limits(self, workspace: Workspace, kind: Kind) -> None:
        try:
            super().check_limits(workspace, kind)
        except RefusedError as error:
            error.headers.setdefault("Retry-After", "2")
            raise


@legal("D: an item needs `url`, `mime_type` and `deletes_at` only, and a video no `usage`.")
class BareVideos(Provider):
    """A completed video has null for its size, says nothing of its length, and has no usage."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        shown = super().describe_work(work, origin)
        if work.order.kind == "video":
            shown.pop("usage", None)
            for item in shown.get("data", []):
                item.update(width=None, height=None)
                for name in ("duration", "fps", "has_sound"):
                    del item[name]
        return shown


@legal("HTTP leaves headers, chunks and cookies to the server; no D fact is about them.")
class BehindContentNetwork(Provider):
    """Chunked answers with a charset, the headers of a content network, and a cookie of it."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        answer = super().finish(request, answer)
        if answer.header("content-type") == "application/json":
            answer.set_header("Content-Type", "application/json; charset=utf-8")
            answer.chunked = request.method == "GET"
        ray = secrets.token_hex(8)
        answer.headers += [
            ("Server", "edge"),
            ("Edge-Ray", f"{ray}-FRA"),
            ("Set-Cookie", f"__edge={ray}; Path=/; HttpOnly; Secure; SameSite=None"),
            ("Vary", "Accept-Encoding, Origin"),
            ("Strict-Transport-Security", "max-age=31536000"),
        ]
        return answer


@legal("X: whether a download knows ranges, tags and HEAD.")
class WholeFilesOnly(Provider):
    """A download is always the whole file: no ranges, no tag, no name, and no HEAD."""

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        return ("GET",) if path.startswith("/v2/downloads/") else super().allowed_methods(path)

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        del request
        headers = [("Content-Type", self.media_type(work.order)), ("Accept-Ranges", "none")]
        return Outgoing(status=200, headers=headers, body=content)


@legal("X: the statuses of a tampered and of an expired link.")
class RefusedLinksAreUnknown(Provider):
    """A link with a wrong signature, or one that expired, is a 404 like one that never was."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        try:
            return super().open_link(work_id, index, query)
        except RefusedError:
            raise refuse_unknown("This file does not exist.") from None


@legal("I: that unknown fields are let pass; the API's reference does not name them.")
class UnknownFieldsRefused(Provider):
    """A field of the body that the operation does not know is 400 invalid_parameter."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        body = super().read_object(request)
        known = FIELDS["video" if request.path == VIDEOS else "image"]
        for name in body:
            if name not in known:
                raise refuse_value(f"Unknown parameter: '{name}'.", name)
        return body


@legal("I: that dates without costs are in the answer.")
class OnlyDatesWithCosts(Provider):
    """The costs have buckets for the dates on which something was charged, and no others."""

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        totals = super().sum_dates(workspace, start, end)
        return {day: cost for day, cost in totals.items() if cost}


@legal("D: a rate's `resolution` is null for any; I: an exact one goes before it.")
class RatesForAnyResolution(Provider):
    """Pictures have one rate for any resolution, and 4K of one model has a rate of its own."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(
        replace(offer, rates=tuple(r for r in offer.rates if r.resolution in {"4K", "2K"}))
        if offer.type == "image"
        else offer
        for offer in OFFERS
    )

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        return self.describe_offer(offer)

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        shown = super().describe_offer(offer)
        for rate in shown["pricing"]["rates"]:
            if rate["resolution"] == "2K":
                rate["resolution"] = None
        return shown

    def find_unit_price(self, order: Order) -> Decimal:
        exact: list[Rate] = [r for r in order.offer.rates if r.resolution == order.resolution]
        return super().find_unit_price(order if exact else replace(order, resolution="2K"))


@legal("D: `balance` and `unit_price` are decimal strings; how many decimals is free.")
class SixDecimals(Provider):
    """The balance and the prices have six decimals, whatever they are."""

    def show_money(self, amount: Decimal) -> str:
        return f"{amount:.6f}"

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        shown = super().describe_offer(offer)
        for rate in shown["pricing"]["rates"]:
            rate["unit_price"] = f"{Decimal(rate['unit_price']):.6f}"
        return shown

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        return self.describe_offer(offer)


@legal("D: failed is an end, HTTP 200, with `code` and `message`; I: other codes; none is charged.")
class PolicyFailures(Provider):
    """Every third video fails for what it would show, with `content_policy_violation`."""

    fail_every: ClassVar[int] = 3

    def describe_failure(self, work: Work) -> dict[str, Any]:
        del work
        message = "The generated video did not pass the safety checks."
        return {"message": message, "code": "content_policy_violation"}
