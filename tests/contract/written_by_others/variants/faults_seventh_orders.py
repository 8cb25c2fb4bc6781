"""Faults of inputs, the catalogue and errors, from validators, caches and databases."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_value,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind, Offer

BATCH: Final = 7
PICTURE_NAME: Final = re.compile(r"\.(png|jpe?g|webp)$", re.IGNORECASE)
CACHE_SECONDS: Final = 3
LAST_OF_THREE_BYTES: Final = "\uffff"
TOMORROW: Final = {
    ("z-image-turbo", "1K"): Decimal("0.006"),
    ("z-image-turbo", "2K"): Decimal("0.014"),
    ("gemini-3-1-flash-image", "1K"): Decimal("0.039"),
    ("seedance-v1-pro", "480p"): Decimal("0.018"),
}


@faulty("inputs", "major", "D: a value that is not supported is 400 invalid_parameter")
class DurationSnapsToTheNearest(Provider):
    """A lenient validator makes and bills the nearest supported duration instead of refusing."""

    def choose_duration(self, duration: int | None, offer: Offer) -> int:
        """Return the nearest duration."""
        if duration is not None and duration > 0:
            wanted = duration
            duration = min(offer.durations, key=lambda each: abs(each - wanted))
        return super().choose_duration(duration, offer)


@faulty("inputs", "major", "D: images[].url is a public HTTPS URL; a query is a part of one")
class UrlMustEndLikeAPicture(Provider):
    """Reference URLs must end in `.png`, `.jpg` or `.webp`: signed ones, with a query, are 400."""

    def check_public_url(self, url: str, place: str) -> None:
        """Refuse other endings as well."""
        super().check_public_url(url, place)
        if PICTURE_NAME.search(url) is None:
            raise refuse_value(f"Invalid {place}: use PNG, JPEG or WebP.", place)


@faulty(
    "inputs", "blocker", "D: the default is the model's first ratio and resolution, on every order"
)
class DefaultsRememberTheLastOrder(Provider):
    """Without ratio or resolution, those last ordered of the model are taken, and billed."""

    async def submit(self, request: Incoming, workspace: Workspace, kind: Kind) -> Work:
        """Remember whose order is read: nothing is awaited before it is."""
        self.notes["reading"] = workspace
        return await super().submit(request, workspace, kind)

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Return the last choice of the workspace where there is none."""
        habits = self.notes["reading"].notes.get("habits", {})
        if name not in body and (offer.id, name) in habits:
            return str(habits[offer.id, name])
        return super().choose(body, name, offer)

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Keep the choices of an order."""
        habits = workspace.notes.setdefault("habits", {})
        habits[order.offer.id, "aspect_ratio"] = order.ratio
        habits[order.offer.id, "resolution"] = order.resolution
        return super().prepare(order, workspace)


@faulty("catalogue", "major", "D: ?type= filters; here it filters as the request before did")
class CacheKeyWithoutTheQuery(Provider):
    """The list of models is cached for 3 s by path alone: one `type` is answered to another."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer from the cache while it is fresh."""
        at, kept = self.notes.get("models", (0.0, None))
        if kept is None or self.now() - at > CACHE_SECONDS:
            kept = super().answer_models(request)
            self.notes["models"] = (self.now(), kept)
        answer: Outgoing = replace(kept, headers=list(kept.headers))
        return answer


@faulty("catalogue", "major", "D: a model supports its supported_aspect_ratios; 21:9 is refused")
class AdvertisedUltraWideIsRefused(Provider):
    """A feature flag adds 21:9 to the catalogue but not to the validator: orders of it are 400."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Refuse the new ratio."""
        value = super().choose(body, name, offer)
        if value == "21:9":
            raise refuse_value(f"Unsupported {name} '{value}' for model '{offer.id}'.", name)
        return value


@faulty("catalogue", "blocker", "D: unit_price in the catalogue is the price; more is charged")
class BillUsesTomorrowsPriceList(Provider):
    """Billing loads the next price list early: some models cost more than the catalogue says."""

    def find_unit_price(self, order: Order) -> Decimal:
        """Return the price of the next list."""
        known = super().find_unit_price(order)
        return TOMORROW.get((order.offer.id, order.resolution), known)


@faulty("errors", "major", "D: a prompt is 1 to 4096 characters; 500 is for the server's faults")
class EmojiBreakTheDatabase(Provider):
    """Prompts are stored in three bytes a character (`utf8mb3`): one with an emoji is a 500."""

    def check_prompt(self, prompt: object) -> str:
        """Fail over four-byte characters."""
        text = super().check_prompt(prompt)
        if any(character > LAST_OF_THREE_BYTES for character in text):
            raise RefusedError(500, "server_error", self.mishap)
        return text


@faulty("errors", "major", "D: error is an object with message, type, param and code; not a text")
class InnerErrorIsEncodedTwice(Provider):
    """An inner service's 404, for a model or a video, has a text of JSON for its `error`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Encode an inner 404 once more."""
        inner = request.path.startswith(("/v2/models/", "/v2/videos/"))
        if inner and answer.status == 404:
            answer.set_value({"error": json.dumps(answer.value["error"])})
        return super().finish(request, answer)


@faulty("errors", "minor", "D: param is the name of the parameter, such as `resolution`")
class ParamCarriesTheLocation(Provider):
    """A new framework puts the location in front: `param` is `body.resolution`, `query.start`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Put the location in front."""
        if answer.status == 400 and (value := answer.value)["error"]["param"]:
            place = "body" if request.method == "POST" else "query"
            value["error"]["param"] = f"{place}.{value['error']['param']}"
            answer.set_value(value)
        return super().finish(request, answer)
