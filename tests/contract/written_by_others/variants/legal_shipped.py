"""Providers that differ from the right one and are right."""

from __future__ import annotations

import asyncio
import json
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.accounts import digest
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_value,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from datetime import date, datetime

    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind, Offer

BATCH: Final = 5
CHUNK: Final = 4096
BOTH: Final = {"model", "prompt", "aspect_ratio", "resolution", "images"}
FIELDS: Final[dict[str, set[str]]] = {
    "image": {*BOTH, "output_format"},
    "video": {*BOTH, "duration", "sound"},
}
# The rates that are written as fallbacks, by model: resolution and sound become the second pair.
FALLBACKS: Final = {
    ("z-image-turbo", "2K", "not_applicable"): (None, "not_applicable"),
    ("seedance-v1-pro", "1080p", "not_applicable"): (None, "not_applicable"),
    ("seedance-v1-5-pro", "720p", "sound_off"): ("720p", "not_applicable"),
    ("seedance-v1-5-pro", "480p", "sound_off"): ("480p", "not_applicable"),
}


def _is_json(answer: Outgoing) -> bool:
    return (answer.header("content-type") or "").startswith("application/json")


@legal("Nothing forbids further headers, nor a charset beside `application/json`.")
class BehindAnEdgeNetwork(Provider):
    """An edge network adds headers, a cookie and a charset, and writes names in lower case."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer as the edge sends it."""
        answer = super().finish(request, answer)
        if _is_json(answer):
            answer.set_header("Content-Type", "application/json; charset=utf-8")
        ray = digest(request.target, str(self.now()))[:16]
        answer.headers = [
            ("server", "edge"),
            ("via", "1.1 edge-ams3"),
            ("strict-transport-security", "max-age=31536000"),
            ("set-cookie", f"__edge={ray}; Path=/; HttpOnly"),
            ("vary", "Accept-Encoding"),
            ("vary", "Origin"),
            *((name.lower(), value) for name, value in answer.headers),
            ("x-request-id", ray),
        ]
        return answer


@legal("JSON has no order of fields, and allows white space and escapes.")
class JsonIsIndentedAndSorted(Provider):
    """Answers are indented, with fields in the order of the alphabet and escapes for letters."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer as it is sent."""
        answer = super().finish(request, answer)
        if _is_json(answer) and answer.body:
            answer.body = json.dumps(answer.value, indent=2, sort_keys=True).encode() + b"\n"
        return answer


@legal("HTTP/1.1 leaves the framing to the server.")
class BodiesComeInSmallChunks(Provider):
    """Every body comes in chunks of 4 KiB at most, without `Content-Length`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer as it is sent."""
        answer = super().finish(request, answer)
        answer.chunked = request.method != "HEAD" and bool(answer.body)
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the head and the body; one long chunk becomes many."""
        head, body = super().frame(request, head, body)
        if b"chunked" not in head.lower() or not body:
            return head, body
        size, _, rest = body.partition(b"\r\n")
        data, end = rest[: int(size, 16)], b"0\r\n\r\n"
        parts = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
        return head, b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + end


@legal("Amounts in `usage` and costs are JSON numbers (D); of what precision is open.")
class AmountsAreBinaryFloats(Provider):
    """Amounts are multiplied and added as binary numbers: 0.012 x 6 is 0.07200000000000001."""

    def show_usage(self, work: Work) -> dict[str, Any]:
        """Return what a generation used."""
        price = float(work.unit_price)
        return {**super().show_usage(work), "total_cost": price * work.quantity}

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        """Return the costs of each date of a range, with their binary errors."""
        totals = dict.fromkeys(self.list_dates(start, end), 0.0)
        for charge in self.list_charges(workspace):
            day = self.date_of(charge)
            if day in totals:
                totals[day] += float(charge.amount)
        return {day: Decimal(total) for day, total in totals.items()}


@legal("These fields are optional or nullable, and `usage` is optional on a video (D).")
class WhatIsOptionalIsLeftOut(Provider):
    """Sizes are null; a video has no fps, no duration, no `has_sound` and no `usage`."""

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the item of `data`."""
        item = {**super().describe_file(work, origin), "width": None, "height": None}
        for name in ("duration", "fps", "has_sound"):
            item.pop(name, None)
        return item

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Return a generation as its status shows it."""
        shown = super().describe_work(work, origin)
        if work.order.kind == "video":
            shown.pop("usage", None)
        return shown


@legal("When a generation is charged is not known (X).")
class BalanceIsLessWhatIsHeld(Provider):
    """The balance is less by what pending videos will cost; costs show them when they end."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer the money that can still be spent."""
        free = self.compute_balance(workspace) - self.sum_held(workspace)
        return answer_json({"balance": self.show_money(free), "currency": "USD"})


@legal("A window has 60 s (D); when it begins is not known (X).")
class WindowBeginsWithTheFirst(Provider):
    """A window of 60 s begins with the first request after the last one ended."""

    def list_window(self, workspace: Workspace, kind: Kind) -> list[float]:
        """Return the times of the running window's requests."""
        window: list[float] = []
        for at in workspace.started[kind]:
            if window and at >= window[0] + WINDOW:
                window = []
            window.append(at)
        return window if window and self.now() < window[0] + WINDOW else []

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return how many generations were counted in the running window."""
        return len(self.list_window(workspace, kind))

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the unix second at which the running window has ended."""
        window = self.list_window(workspace, kind) or [self.now()]
        return int(window[0] + WINDOW) + 1


@legal("Requests are counted at submission (D); whether refused ones count is open.")
class RefusedOrdersCountToo(Provider):
    """An order that is refused for what it says takes one from the limit a minute."""

    def on_refusal(self, workspace: Workspace, kind: Kind, error: RefusedError) -> None:
        """Count an order that was refused."""
        if error.status != 429:
            self.count(workspace, kind)


@legal("How long an answer takes is open; a picture takes up to half a minute (O).")
class ServerIsFarAway(Provider):
    """Each answer takes 0.1 s longer, and a picture 0.6 s."""

    image_seconds: ClassVar[float] = 0.6

    async def respond(self, request: Incoming) -> Outgoing:
        """Answer a request after the way."""
        await asyncio.sleep(0.1)
        return await super().respond(request)


@legal("That fields which nobody knows are let pass is inferred (I), not documented.")
class UnknownFieldsAreRefused(Provider):
    """A field that the documentation does not name is 400 `invalid_parameter`."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order of a body that has no other fields."""
        order = super().read_order(body, kind)
        for name in body:
            if name not in FIELDS[kind]:
                raise refuse_value(f"Unknown parameter: '{name}'.", name)
        return order


@legal("`start` and `end` are given back (D); in which form is open.")
class RangeIsRepeatedAsSent(Provider):
    """Costs repeat `start` and `end` letter by letter, in the zone of the query."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs of a range."""
        answer = super().answer_costs(workspace, request)
        asked = {name: request.query[name] for name in ("start", "end")}
        answer.set_value({**answer.value, **asked})
        return answer


def _write_fallbacks(model: dict[str, Any]) -> dict[str, Any]:
    for rate in model["pricing"]["rates"]:
        place = (model["id"], rate["resolution"], rate["sound"])
        if place in FALLBACKS:
            rate["resolution"], rate["sound"] = FALLBACKS[place]
    return model


@legal("A rate's `resolution` may be null for any, and `not_applicable` is a fallback (D).")
class SomeRatesAreFallbacks(Provider):
    """Some rates are for any resolution, and some of a model with sound are `not_applicable`."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is in the list."""
        return _write_fallbacks(super().list_offer(offer))

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is retrieved alone."""
        return _write_fallbacks(super().describe_offer(offer))


@legal("The balance is a decimal string like `12.34` (D); how it is rounded is open.")
class BalanceIsShownInCents(Provider):
    """The balance always has two decimals; fractions of a cent count but are not shown."""

    def show_money(self, amount: Decimal) -> str:
        """Return an amount as text, in whole cents."""
        return str(amount.quantize(Decimal("0.01"), ROUND_HALF_EVEN))


@legal("A newer release may add fields to models, balance, costs and errors.")
class NewerReleaseHasMoreFields(Provider):
    """Models, rates, balance, costs and errors have fields that are not documented yet."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is in the list."""
        model = {**super().list_offer(offer), "description": None, "deprecated_at": None}
        model["tags"] = ["new"]
        for rate in model["pricing"]["rates"]:
            rate["discount"] = None
        return model

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is retrieved alone."""
        return self.list_offer(offer)

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer as it is sent."""
        answer = super().finish(request, answer)
        if answer.status >= 400 and answer.body:
            error = {**answer.value["error"], "request_id": digest(request.target)[:12]}
            answer.set_value({"error": error})
        elif request.path.startswith("/v2/billing/"):
            answer.set_value({**answer.value, "object": request.path.rpartition("/")[2]})
        return answer
