"""More providers that are right in other ways: the wire, orders, lives, money and the catalogue."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar, Final
from urllib.parse import unquote

from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
from tests.contract.written_by_others.catalogue import OFFERS, Offer, compute_size
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_value,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

BATCH: Final = 14
DATA_URL: Final = re.compile(r"data:image/(png|jpeg|webp)\s*(;[^,]*)?;\s*base64,", re.IGNORECASE)
REFUND_SECONDS: Final = 0.8
COOL_AFTER: Final = 30
COLD_IMAGE_SECONDS: Final = 1.5
COLD_VIDEO_SECONDS: Final = 3.0
AUTO: Final = "auto"
MODELS_WITH_AUTO: Final = {"gemini-3-1-flash-image", "seedance-v1-5-pro"}


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, each in pairs:
        if name in value:
            raise refuse_value("The body is ambiguous: it has a name twice.", None)
        value[name] = each
    return value


@legal("RFC 8259 4: names should be unique, and what is done with repeated ones is unpredictable")
class NamesSaidTwiceAreRefused(Provider):
    """A body whose object has a name twice is 400 `invalid_parameter`, instead of the last one."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Look for names that come twice."""
        value = super().read_object(request)
        try:
            json.loads(request.body, object_pairs_hook=_refuse_twice)
        except RecursionError:
            raise refuse_value("The body is not valid JSON.", None) from None
        return value


def _shuffle(value: Any) -> Any:
    if isinstance(value, list):
        return [_shuffle(each) for each in value]
    if not isinstance(value, dict):
        return value
    pairs = [(name, _shuffle(each)) for name, each in value.items()]
    secrets.SystemRandom().shuffle(pairs)
    return dict(pairs)


@legal("RFC 8259 1: an object is an unordered collection; hash maps of Rust and Swift do this")
class FieldsComeInAnotherOrderEachTime(Provider):
    """The fields of every object come in an order by chance, another one in each answer."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Shuffle the fields."""
        if answer.header("content-type") == "application/json":
            answer.set_value(_shuffle(answer.value))
        return answer


@legal("RFC 9110 2.5: a server conforms to the version it names; old proxies speak HTTP/1.0")
class AnswersAreOfHttpOnePointNought(Provider):
    """The status line is `HTTP/1.0 200 OK`, each body has a length, and the connection closes."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Close after each answer."""
        answer.close = True
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Name the older version."""
        return head.replace(b"HTTP/1.1 ", b"HTTP/1.0 ", 1), body


@legal("RFC 9110 14.2: a server may ignore the Range field; 416 is a SHOULD at most")
class RangesBeyondTheEndGetTheWholeFile(Provider):
    """A range that begins after the end is answered 200 with the whole file instead of 416."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Ignore what cannot be satisfied."""
        try:
            return super().answer_range(wanted, headers, content)
        except RefusedError:
            return Outgoing(status=200, headers=headers, body=content)


@legal("X: how long a generation takes; services that load weights on demand behave so")
class ModelsAreColdAtFirst(Provider):
    """The first order of a model in 30 s waits for its weights: images 1.5 s, videos 3 s more."""

    def is_cold(self, offer: Offer) -> bool:
        """Return whether a model has to be loaded, and load it."""
        used: dict[str, float] = self.notes.setdefault("used", {})
        last, used[offer.id] = used.get(offer.id, 0.0), self.now()
        return self.now() - last > COOL_AFTER

    def plan_seconds(self, order: Order) -> float:
        """Add the time of loading."""
        cold = self.is_cold(order.offer)
        return super().plan_seconds(order) + (COLD_VIDEO_SECONDS if cold else 0)

    async def run_image(self, work: Work) -> None:
        """Wait for the model."""
        if self.is_cold(work.order.offer):
            await asyncio.sleep(COLD_IMAGE_SECONDS)
        await super().run_image(work)


@legal("X: when a generation is charged; a failure costs nothing, and its refund is booked soon")
class RefundsFollowTheFailure(Provider):
    """Charged at submission; every fifth video fails, and its refund comes 0.8 s after that."""

    fail_every: ClassVar[int] = 5

    def on_submission(self, work: Work) -> None:
        """Charge at once."""
        self.charge(work, self.compute_cost(work))

    def on_completion(self, work: Work) -> None:
        """Charge no more."""

    def on_failure(self, work: Work) -> None:
        """Book the refund for a moment later."""
        at = work.ends + REFUND_SECONDS
        refund = Charge(at=at, amount=-self.compute_cost(work), work=work.id)
        work.workspace.charges.append(refund)

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Return nothing: what is pending is paid."""
        return Decimal(0)

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return what is booked by now."""
        return [each for each in workspace.charges if each.at <= self.now()]

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return the balance of what is booked."""
        booked = sum((each.amount for each in self.list_charges(workspace)), Decimal(0))
        return workspace.deposit - booked


def _add_auto(offer: Offer) -> Offer:
    return replace(offer, ratios=(*offer.ratios, AUTO)) if offer.id in MODELS_WITH_AUTO else offer


@legal("D: supported_aspect_ratios are strings, of which the facts name common ones only")
class AutoIsAnAspectRatio(Provider):
    """The last ratio of two models is `auto`: the model chooses, here its first one."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(_add_auto(each) for each in OFFERS)

    def plan_size(self, order: Order) -> tuple[int, int]:
        """Choose the ratio where the order does not."""
        ratio = order.offer.ratios[0] if order.ratio == AUTO else order.ratio
        return compute_size(order.resolution, ratio)


@legal("X: how data URLs are read; WHATWG Fetch: parameters, whitespace, %xx, padding optional")
class DataUrlsAreReadAsBrowsersDo(Provider):
    """Data URLs may have parameters, `%2B`, whitespace and no padding, as in browsers."""

    def check_data_url(self, url: str, place: str) -> None:
        """Read the URL as the Fetch standard does."""
        label = DATA_URL.match(url)
        if label is None:
            raise refuse_value(f"Invalid {place}: use PNG, JPEG or WebP as base64.", place)
        text = re.sub(r"[\t\n\f\r ]", "", unquote(url[label.end() :], "latin-1"))
        if len(text) % 4 == 0:
            text = re.sub(r"={1,2}$", "", text)
        if "=" in text or len(text) % 4 == 1:
            raise refuse_value(f"Invalid {place}: this is not base64.", place)
        try:
            content = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:  # also for letters beyond ASCII
            raise refuse_value(f"Invalid {place}: this is not base64.", place) from None
        if len(content) > self.largest_reference:
            raise refuse_value(f"Invalid {place}: larger than 10 MiB.", place)
        self.check_picture(content, label[1].lower(), place)
