"""Faults of the sixteenth batch: what a service ships on a bad day."""

from __future__ import annotations

import dataclasses
import math
import struct
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError, refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Offer
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 16


# Files


@faulty(
    "files",
    "blocker",
    "D: `duration` is the video's length in seconds; seconds ordered and billed are lost",
)
class TranscoderCutsFilmsAtEightSeconds(Provider):
    """Videos of 10 and 12 seconds have 8 seconds in the file; the answer names 10 and 12."""

    def plan_film(self, work: Work) -> Film:
        """Return the film as the transcoder's limit leaves it."""
        film = super().plan_film(work)
        return dataclasses.replace(
            film,
            seconds=min(film.seconds, 8),
            sound_seconds=min(film.sound_seconds, 8),
        )


@faulty(
    "files",
    "major",
    "D: `output_format` is the format of the picture; O: bytes really are in that format",
)
class PicturesCachedWithoutTheirFormat(Provider):
    """A prompt and size ordered again in another format gets the bytes of the first format."""

    def draw(self, work: Work) -> bytes:
        """Return the picture from a cache whose key lacks the format."""
        if work.order.kind == "video":
            return super().draw(work)
        cache: dict[Any, bytes] = work.workspace.notes.setdefault("pictures", {})
        key = (work.order.offer.id, work.order.prompt, work.size)
        if key not in cache:
            cache[key] = super().draw(work)
        return cache[key]


# Links


@faulty(
    "links",
    "blocker",
    "D: the link is signed; without its signature anybody who knows an id gets the file",
)
class SignaturesComparedOverTheShorterOne(Provider):
    """Signatures are compared as far as the given one goes: its beginning, or none, is enough."""

    def same_signature(self, given: str, expected: str) -> bool:
        """Return whether the characters that both have are equal."""
        return all(one == other for one, other in zip(given, expected, strict=False))


# Inputs


@faulty(
    "inputs",
    "major",
    "D: a decoded image has at most 10 MiB; pictures of 7.5 to 10 MiB are allowed",
)
class ReferenceLimitMeasuredAsBase64(Provider):
    """The 10 MiB are measured on the base64 text, so a picture of 8 or 9 MiB is refused."""

    def check_data_url(self, url: str, place: str) -> None:
        """Refuse by the length of the text, then as usual."""
        if len(url) > self.largest_reference:
            raise refuse_value(f"Invalid {place}: larger than 10 MiB.", place)
        super().check_data_url(url, place)


@faulty(
    "inputs",
    "major",
    "D: `duration` is an integer of the model's `supported_durations`; 5.7 is neither",
)
class FractionsOfSecondsAreCutOff(Provider):
    """A duration of 5.7 is accepted and made, and billed, as 5 seconds."""

    def read_duration(self, body: dict[str, Any]) -> int | None:
        """Return the duration without its fraction."""
        value = body.get("duration")
        if isinstance(value, float) and math.isfinite(value):
            body = {**body, "duration": math.floor(value)}
        return super().read_duration(body)


# Costs


@faulty(
    "costs",
    "major",
    "D: `start` and `end` have a zone, and buckets are UTC dates; 23:00-05:00 is the next UTC date",
)
class OffsetsOfCostRangesThrownAway(Provider):
    """The zone of `start` and `end` is demanded and then ignored: local times are read as UTC."""

    def read_instant(self, text: str, name: str) -> datetime:
        """Return the time of the clock that was written, as if it were in UTC."""
        super().read_instant(text, name)
        return datetime.fromisoformat(text).replace(tzinfo=UTC)


@faulty(
    "costs",
    "blocker",
    "D: a day's cost is what its generations cost; downloading is free and changes no bill",
)
class CostsMultipliedByDownloads(Provider):
    """The costs join bookings with downloads: a file fetched three times counts three times."""

    def served_content(self, work: Work) -> bytes:
        """Return the bytes, and note the download."""
        work.notes["downloads"] = work.notes.get("downloads", 0) + 1
        return super().served_content(work)

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return one charge for each row of the join."""
        rows: list[Charge] = []
        for charge in super().list_charges(workspace):
            work = workspace.works.get(charge.work)
            downloads = work.notes.get("downloads", 0) if work else 0
            rows += [charge] * max(1, downloads)
        return rows


# Money


@faulty(
    "money",
    "blocker",
    "D: the quantity of a video is its seconds; 6 seconds are billed as 10, 12 as 15",
)
class SecondsBilledInBlocksOfFive(Provider):
    """Videos are billed in begun blocks of 5 seconds: 4 as 5, 6 and 8 as 10, 12 as 15."""

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Return the generation, with its quantity rounded up."""
        work = super().prepare(order, workspace)
        if order.kind == "video":
            work.quantity = -(-order.duration // 5) * 5
        return work


def _to_single(value: float) -> float:
    single: float = struct.unpack("f", struct.pack("f", value))[0]
    return single


@faulty(
    "money",
    "blocker",
    "D: the balance is a decimal amount on which generations draw; it must fall by the exact cost",
)
class BalanceKeptInSinglePrecision(Provider):
    """The balance is a 32-bit float: after 0.04 of 500 it is 499.959991, and errors add up."""

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return the balance as a column of type `real` keeps it."""
        balance = _to_single(float(workspace.deposit))
        for charge in workspace.charges:
            balance = _to_single(balance - _to_single(float(charge.amount)))
        return Decimal(format(balance, ".6f"))


# Life


@faulty(
    "life",
    "blocker",
    "What no service may do: a generation's result is another's, and its own is lost",
)
class JobsOfOneSecondShareTheirPayload(Provider):
    """Videos of a model ordered in the same second all become the one that was ordered last."""

    def end(self, work: Work) -> None:
        """End a generation with the payload that its job key holds."""
        work.notes["payload"] = max(
            (each for each in work.workspace.works.values() if self._same_job(work, each)),
            key=lambda each: each.number,
        )
        super().end(work)

    def _same_job(self, one: Work, other: Work) -> bool:
        if one.order.kind == "image":
            return one is other
        return one.order.offer is other.order.offer and int(one.created) == int(other.created)

    def draw(self, work: Work) -> bytes:
        """Return the file of the payload."""
        payload: Work = work.notes["payload"]
        return super().draw(payload)

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the payload's item, with the link and the time of the generation."""
        own = super().describe_file(work, origin)
        item = super().describe_file(work.notes["payload"], origin)
        return {**item, "url": own["url"], "deletes_at": own["deletes_at"]}


# Catalogue


@faulty(
    "catalogue",
    "major",
    "D: `GET /v2/models/{model}` is one such object of the list: its prices are those of the list",
)
class RetrievedModelsHaveFormerRates(Provider):
    """A model retrieved alone is from a stale cache: prices are a quarter above the list's."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return the model with the rates of last month."""
        model = super().describe_offer(offer)
        for rate in model["pricing"]["rates"]:
            former = Decimal(rate["unit_price"]) * Decimal("1.25")
            rate["unit_price"] = format(former.normalize(), "f")
        return model


# Errors


@faulty(
    "errors",
    "minor",
    "D: `type` is always `invalid_request_error`, on every status",
)
class ErrorTypesFollowTheStatus(Provider):
    """401, 402, 404, 429 and 5xx have an `error.type` of their own, `authentication_error` etc."""

    kinds: ClassVar[dict[int, str]] = {
        401: "authentication_error",
        402: "billing_error",
        404: "not_found_error",
        429: "rate_limit_error",
    }

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal with the type of its status."""
        answer = super().answer_error(error)
        value = answer.value
        other = "api_error" if error.status >= 500 else value["error"]["type"]
        value["error"]["type"] = self.kinds.get(error.status, other)
        answer.set_value(value)
        return answer


# Limits


@faulty(
    "limits",
    "major",
    "D: a pending video holds a slot until it ends, not longer",
)
class SlotsFreedByALateReaper(Provider):
    """A video that has ended holds its slot for 40 s more, until a reaper frees it."""

    reaper_seconds: ClassVar[int] = 40

    def count_running(self, workspace: Workspace) -> int:
        """Return the slots taken, and those that nobody has freed."""
        since = self.now() - self.reaper_seconds
        ended = sum(
            1
            for work in workspace.works.values()
            if work.order.kind == "video" and work.status != "pending" and work.ends > since
        )
        return super().count_running(workspace) + ended


# HTTP


@faulty(
    "http",
    "major",
    "RFC 9112, 7.1: a recipient MUST be able to parse the chunked transfer coding",
)
class ChunkedOrdersReadAsEmpty(Provider):
    """A body sent in chunks, without Content-Length, is read as empty: 400, not valid JSON."""

    def read_object(self, request: Incoming) -> dict[str, Any]:
        """Read as many bytes as Content-Length says, none without it."""
        if request.header("content-length") is None:
            request = dataclasses.replace(request, body=b"")
        return super().read_object(request)


# Keys


@faulty(
    "keys",
    "blocker",
    "D: a wrong key is 401 `invalid_api_key`; one that differs at its end is wrong",
)
class KeysComparedOverSixteenCharacters(Provider):
    """Keys are cut to 16 characters before they are compared: what follows may be anything."""

    def matches(self, token: str, key: str) -> bool:
        """Return whether the beginnings are equal."""
        return super().matches(token[:16], key[:16])


# Isolation


@faulty(
    "isolation",
    "blocker",
    "D: costs are those of the key's workspace; another's are shown",
)
class CostsCachedByTheirDatesAlone(Provider):
    """Costs are cached by dates until the next booking: who asks second sees the first's costs."""

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        """Return the costs from a cache whose key lacks the workspace."""
        bookings = sum(len(each.charges) for each in self.workspaces)
        key = (start.date(), end.date(), bookings)
        cache: dict[Any, dict[date, Decimal]] = self.notes.setdefault("cost_cache", {})
        if key not in cache:
            cache[key] = super().sum_dates(workspace, start, end)
        return dict(cache[key])
