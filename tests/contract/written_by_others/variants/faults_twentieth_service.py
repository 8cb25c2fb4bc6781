"""Faults of caches, ledgers, queues, gateways and pipelines, one in each service."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.accounts import Order, Work, Workspace
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind, Offer

BATCH: Final = 20
ROTATION_SECONDS: Final = 15
TOGETHER_SECONDS: Final = 0.2
PAGE_OF_DATES: Final = 31
KEPT_VIDEOS: Final = 4


@faulty("files", "blocker", "O: the bytes have the requested size, and the `width` of the answer")
class RenderCacheForgetsTheResolution(Provider):
    """A prompt that is ordered again in another resolution gets the file of the first one."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes that were drawn for the same prompt, model, ratio and format."""
        order = work.order
        if order.kind == "video":
            return super().draw(work)
        cache: dict[tuple[str, ...], bytes] = self.notes.setdefault("rendered", {})
        owner = work.workspace.name
        key = (owner, order.offer.id, order.prompt, order.ratio, order.output_format)
        if key not in cache:
            cache[key] = super().draw(work)
        return cache[key]


@faulty("links", "blocker", "D: a link is good until `deletes_at`; an image has no other way to it")
class SigningKeyRotatesWithoutOverlap(Provider):
    """Every 15 s there is a new key for signatures, and all links made before are refused."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return a signature by the key of this quarter of a minute."""
        turn = int(self.now() // ROTATION_SECONDS)
        return super().sign(work_id, index, f"{exp}#{turn}")


@faulty("inputs", "blocker", "D: `duration` is the length in seconds; the default only without it")
class FirstFrameLosesTheDuration(Provider):
    """With a `first_frame`, a video has the model's default duration, whatever was ordered."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order; the pipeline from a picture knows no duration."""
        order = super().read_order(body, kind)
        if any(role == "first_frame" for role, _ in order.references):
            return replace(order, duration=order.offer.durations[0])
        return order


@faulty("costs", "major", "D: `total_cost` is the cost of the range, of at most 180 days")
class CostTotalStopsAtThirtyOneDates(Provider):
    """`total_cost` sums the first 31 dates of a range only, the first page of the ledger."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs; the total is that of the first page."""
        answer = super().answer_costs(workspace, request)
        value = answer.value
        if len(value["data"]) > PAGE_OF_DATES:
            page = (Decimal(str(each["cost"])) for each in value["data"][:PAGE_OF_DATES])
            value["total_cost"] = float(sum(page, Decimal(0)))
            answer.set_value(value)
        return answer


@faulty("money", "blocker", "D: every generation draws on the balance, by its `usage.total_cost`")
class BalanceLosesUpdatesOfVideosThatEndTogether(Provider):
    """Of videos that end within 0.2 s of each other, the balance is reduced by one alone."""

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return the balance, where a later write has overwritten an earlier one."""
        done = [
            work
            for work in workspace.works.values()
            if work.order.kind == "video" and work.status == "completed"
        ]
        done.sort(key=lambda work: work.ends)
        lost = (
            self.compute_cost(one)
            for one, other in pairwise(done)
            if other.ends - one.ends < TOGETHER_SECONDS
        )
        return super().compute_balance(workspace) + sum(lost, Decimal(0))


@dataclass(frozen=True, kw_only=True)
class _NamedSound(Order):
    """An order whose body has the field `sound`, true or false."""


@faulty("money", "blocker", "D: the rate `sound_on` is for sound; `sound: false` is the default")
class SoundFalseIsBilledAsSound(Provider):
    """A video with `sound: false` is silent and costs `sound_on`; without the field it is right."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order, which remembers that the field is there."""
        order = super().read_order(body, kind)
        if kind == "image" or "sound" not in body:
            return order
        return _NamedSound(**{each.name: getattr(order, each.name) for each in fields(order)})

    def find_unit_price(self, order: Order) -> Decimal:
        """Return the price; the presence of the field is taken for its value."""
        sound = isinstance(order, _NamedSound) and order.offer.sound
        return order.offer.find_price(order.resolution, sound=sound)


@faulty("life", "blocker", "D: `completed` is final, and GET answers 200 with the result")
class NewVideosEvictFinishedOnes(Provider):
    """Of finished videos only the last four are kept: the status of older ones is 404."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video, unless four others have finished after it."""
        work = super().find_status(work_id, workspace)
        later = sum(
            1
            for each in workspace.works.values()
            if each.order.kind == "video" and each.status != "pending" and each.ends > work.ends
        )
        if work.status != "pending" and later >= KEPT_VIDEOS:
            raise refuse_unknown("The generation was not found.")
        return work


@faulty("catalogue", "major", "D: lists are in default order; the first duration is the default")
class CatalogueSortsAllLengths(Provider):
    """`supported_durations` is sorted, so its first is 4, but a video without one has 5 s."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with rising durations."""
        described = super().describe_offer(offer)
        return {**described, "supported_durations": sorted(offer.durations)}

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model of the list with rising durations."""
        return self.describe_offer(offer)


@faulty("errors", "major", "D: `parameter_missing` and `invalid_parameter` are 400; 422 is safety")
class NestedFieldsAreRefusedWithUnprocessable(Provider):
    """A missing or mistyped field inside `images` is 422, as the validation library does it."""

    def read_references(self, body: dict[str, Any], kind: Kind) -> list[tuple[str, str]]:
        """Return the references; a nested refusal keeps the library's status."""
        try:
            return super().read_references(body, kind)
        except RefusedError as error:
            if (error.param or "").startswith("images["):
                error.status = 422
            raise


@faulty("limits", "major", "D: a pending video holds a slot until it ends, polled or not")
class SlotsAreFreedOnlyByAPoll(Provider):
    """A finished video holds one of the eight slots until somebody asks for its status."""

    at_once: ClassVar[int] = 8

    def count_running(self, workspace: Workspace) -> int:
        """Return the slots, those of finished videos that nobody has seen included."""
        unseen = sum(
            1
            for work in workspace.works.values()
            if work.order.kind == "video" and work.status != "pending" and "seen" not in work.notes
        )
        return super().count_running(workspace) + unseen

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video, and free the slot if it has ended."""
        work = super().find_status(work_id, workspace)
        if work.status != "pending":
            work.notes["seen"] = True
        return work


@faulty(
    "http", "minor", "What no service may do: JSON bodies are whole, Content-Length is in bytes"
)
class CountsCharactersForContentLength(Provider):
    """An error that repeats letters beyond ASCII is cut: its length is counted in characters."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer, cut after as many bytes as it has characters."""
        if answer.header("Content-Type") == "application/json":
            answer.body = answer.body[: len(answer.body.decode())]
        return super().finish(request, answer)


@faulty("keys", "blocker", "D: each request is that of its own key; a missing or wrong one is 401")
class ConnectionsRememberTheirKey(Provider):
    """After a good key, all requests of the connection are that key's, whatever they carry."""

    def read_token(self, request: Incoming) -> str | None:
        """Return the key that was good on this connection before, else the request's."""
        known: dict[int, str] = self.notes.setdefault("keys of connections", {})
        if request.connection in known:
            return known[request.connection]
        token = super().read_token(request)
        if token and self.find_workspace(token) is not None:
            known[request.connection] = token
        return token


@faulty("isolation", "blocker", "D: balance and costs belong to the workspace of the key")
class CostsAreCachedWithoutTheKey(Provider):
    """Who asks for the same range as another workspace before gets that one's costs."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the kept costs of an address, until their owner has a new booking."""
        kept: dict[str, tuple[Workspace, int, Any]] = self.notes.setdefault("kept costs", {})
        if request.target in kept:
            owner, bookings, value = kept[request.target]
            if len(owner.charges) == bookings:
                return answer_json(value)
        answer = super().answer_costs(workspace, request)
        kept[request.target] = (workspace, len(workspace.charges), answer.value)
        return answer
