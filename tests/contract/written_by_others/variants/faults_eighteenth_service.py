"""Faults of a service: its renderers, links, ledger, result store, gateway and caches."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tests.contract.written_by_others.accounts import WRONG_KEY
from tests.contract.written_by_others.messages import RefusedError, refuse_unknown
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind, Offer
    from tests.contract.written_by_others.drawing import Film
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 18
LONGEST_RENDER: Final = 8
BILLED_BLOCK: Final = 5
RESULT_SECONDS: Final = 10
CIPHER_BLOCK: Final = 16
WRONG_KEYS: Final = 3
LOCKED_SECONDS: Final = 5


@faulty("files", "blocker", "D: a video has the length that was ordered, named and paid for")
class RendererStopsAfterEightSeconds(Provider):
    """Videos of 10 or 12 s are files of 8 s; answer and price say the ordered length."""

    def plan_film(self, work: Work) -> Film:
        """Return what a video is, cut at the renderer's limit."""
        film = super().plan_film(work)
        seconds = min(film.seconds, LONGEST_RENDER)
        sound_seconds = min(film.sound_seconds, LONGEST_RENDER)
        return dataclasses.replace(film, seconds=seconds, sound_seconds=sound_seconds)


@faulty("files", "major", "O: bytes really are in the requested format; D: `mime_type` names it")
class EncoderMakesBigPngsJpeg(Provider):
    """Pictures above 2K ordered as PNG are JPEG bytes, still called image/png."""

    def drawn_format(self, order: Order) -> str:
        """Return the format of the picture; the encoder spares itself big PNGs."""
        if order.output_format == "png" and order.resolution not in {"1K", "2K"}:
            return "jpeg"
        return super().drawn_format(order)


@faulty("links", "blocker", "D: a download URL is good until `deletes_at`")
class RepollingKillsEarlierLinks(Provider):
    """Each poll of a video signs its link anew, and the links of earlier polls are 403."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return the signature of a link, salted by the number of polls."""
        work = self.find_work(work_id)
        salt = work.polls if work is not None else 0
        return super().sign(f"{salt}:{work_id}", index, exp)


@faulty("inputs", "major", "D: `reference_image` cannot be combined with either frame role")
class ReferenceFirstSkipsRoleMix(Provider):
    """A `first_frame` after a `reference_image` is accepted; the other order is refused."""

    def check_combination(self, roles: list[str]) -> None:
        """Refuse roles that exclude each other, judged by the first one."""
        orphan = "last_frame" in roles and "first_frame" not in roles
        if roles[:1] != ["reference_image"] or orphan:
            super().check_combination(roles)


@faulty("costs", "major", "D: `total_cost` is of the range from `start` to `end`")
class GrandTotalIgnoresCostRange(Provider):
    """`total_cost` of the costs sums all that was ever booked, whatever the range."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs with the total of the account."""
        answer = super().answer_costs(workspace, request)
        charges = (each.amount for each in self.list_charges(workspace))
        answer.set_value({**answer.value, "total_cost": float(sum(charges, Decimal(0)))})
        return answer


@faulty("money", "blocker", "D: a video costs `unit_price` times its seconds, as `usage` says")
class LedgerBillsFiveSecondBlocks(Provider):
    """The ledger takes 10 s for a video of 6 or 8 s, and 5 s for 4; `usage` says the truth."""

    def compute_cost(self, work: Work) -> Decimal:
        """Return what a generation is charged, by blocks begun."""
        if work.order.kind == "image":
            return super().compute_cost(work)
        blocks = -(-work.quantity // BILLED_BLOCK)
        return work.unit_price * blocks * BILLED_BLOCK


@faulty("life", "blocker", "D: `completed` is terminal; the answer is there for later polls")
class ResultStoreForgetsEndedVideos(Provider):
    """Ten seconds after its end a video is 404, as its entry in the result store expires."""

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id, if the store still has it."""
        work = super().find_status(work_id, workspace)
        if work.status != "pending" and self.now() >= work.ends + RESULT_SECONDS:
            raise refuse_unknown("The generation was not found.")
        return work


@faulty("catalogue", "minor", "D: the default duration is the first of `supported_durations`")
class CatalogueSortsDurations(Provider):
    """Durations are listed as 4, 5, 6 ..., so that the default of 5 s is not the first."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is retrieved alone, its durations sorted."""
        return {**super().describe_offer(offer), "supported_durations": sorted(offer.durations)}

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is in the list, its durations sorted."""
        return {**super().list_offer(offer), "supported_durations": sorted(offer.durations)}


@faulty("errors", "major", "D: what is missing is 400 `parameter_missing`; `role` is required")
class RolelessVideoReferenceCrashes(Provider):
    """A video reference without its role is 500 `server_error`, which clients send again."""

    def read_role(self, reference: dict[str, Any], kind: Kind, place: str) -> str:
        """Return the role of a reference, and trust that a video's has one."""
        if kind == "video":
            reference = {**reference, "role": reference["role"]}
        return super().read_role(reference, kind, place)


@faulty("limits", "major", "D: each submission counts against the requests per minute")
class WindowMergesOrdersOfOneSecond(Provider):
    """Orders of one kind in the same second count once, as the window's keys are seconds."""

    def count(self, workspace: Workspace, kind: Kind) -> None:
        """Count a submission, unless its second is counted."""
        if int(self.now()) not in {int(at) for at in workspace.started[kind]}:
            super().count(workspace, kind)


@faulty("http", "blocker", "RFC 9110, 14: a part has the bytes that its `Content-Range` names")
class RangesSnapToCipherBlocks(Provider):
    """A range begins at the multiple of 16 below, though `Content-Range` repeats the wish."""

    def answer_range(self, wanted: str, headers: list[tuple[str, str]], content: bytes) -> Outgoing:
        """Answer one range, from the beginning of a block."""
        answer = super().answer_range(wanted, headers, content)
        if answer.status == 206:
            shown = answer.header("content-range") or ""
            first = int(shown.removeprefix("bytes ").partition("-")[0])
            block = first - first % CIPHER_BLOCK
            answer.body = content[block : block + len(answer.body)]
        return answer


@faulty("keys", "major", "D: 401 is for a missing, malformed, revoked or wrong key, not a good one")
class WrongKeysLockOutGoodOnes(Provider):
    """After three wrong keys within 5 s every key is 401, until those are 5 s old."""

    def authenticate(self, request: Incoming) -> Workspace:
        """Return the workspace of a request, unless the gate is shut."""
        failures: list[float] = self.notes.setdefault("failures", [])
        failures[:] = [at for at in failures if at > self.now() - LOCKED_SECONDS]
        if len(failures) >= WRONG_KEYS:
            raise RefusedError(401, "invalid_api_key", WRONG_KEY)
        try:
            return super().authenticate(request)
        except RefusedError:
            failures.append(self.now())
            raise


@faulty("isolation", "blocker", "Nobody gets another workspace's file; a link has its own id (D)")
class PromptCacheSharesPictures(Provider):
    """An image order equal to an earlier one, anyone's, gets the link of that one's file."""

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the item of `data`, of the first generation of such an order."""
        if work.order.kind == "image":
            first: dict[str, Work] = self.notes.setdefault("pictures", {})
            work = first.setdefault(repr(work.order), work)
        return super().describe_file(work, origin)
