"""The seventeenth batch of faults: workers, caches, ledgers, gateways and guards."""

from __future__ import annotations

import asyncio
import base64
import io
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.messages import RefusedError, refuse_unknown
from tests.contract.written_by_others.provider import VIDEOS, Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from datetime import date, datetime

    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 17
RACE_SECONDS: Final = 0.25
SURCHARGE: Final = Decimal("0.005")
WATCHDOG_SECONDS: Final = 6
MOST_DATES: Final = 100
GUARD_SECONDS: Final = 8
GUARD_FAILURES: Final = 5
DOTTED: Final = Offer(
    id="wan-2.7-image",
    name="Wan 2.7 Image",
    type="image",
    created_at="2026-05-12T07:00:00.000Z",
    ratios=("1:1", "16:9", "9:16"),
    resolutions=("1K", "2K"),
    durations=(),
    references={"reference_image": 8},
    sound=False,
    rates=(
        Rate(resolution="1K", sound="not_applicable", unit_price="0.02"),
        Rate(resolution="2K", sound="not_applicable", unit_price="0.03"),
    ),
)


@faulty(
    "files",
    "blocker",
    "D: the url of a generation is its own file, with the length and size that it names",
)
class VideosRunTogetherSwapFiles(Provider):
    """Two videos of an account that run at the same time get each other's file."""

    def on_submission(self, work: Work) -> None:
        """Put a video into the batch of one that is running alone."""
        super().on_submission(work)
        if work.order.kind != "video":
            return
        for other in work.workspace.works.values():
            alone = other.status == "pending" and "twin" not in other.notes
            if other is not work and other.order.kind == "video" and alone:
                other.notes["twin"], work.notes["twin"] = work, other
                return

    def draw(self, work: Work) -> bytes:
        """Return the file at the wrong index of the batch."""
        return super().draw(work.notes.get("twin", work))


@faulty("links", "major", "D: a download URL is good until deletes_at")
class LaterPollRevokesTheEarlierLink(Provider):
    """Each status of a finished video signs its link anew, and the link before is refused."""

    def make_link(self, work: Work, origin: str) -> str:
        """Return a link of a new version."""
        self.notes[work.id] = self.notes.get(work.id, 0) + 1
        return super().make_link(work, origin)

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return the signature of the newest version."""
        return super().sign(f"{work_id};{self.notes.get(work_id, 0)}", index, exp)


@faulty("inputs", "major", "D: aspect_ratio defaults to the first of supported_aspect_ratios")
class RatioFollowsTheReferencePicture(Provider):
    """Without aspect_ratio the ratio nearest to the first data URL's picture is taken."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        """Return the ratio of the reference where none is asked for."""
        if name == "aspect_ratio" and name not in body and body.get("images"):
            size = self.measure_reference(body["images"][0]["url"])
            if size is not None:
                return min(offer.ratios, key=lambda ratio: self.distance(ratio, size))
        return super().choose(body, name, offer)

    def measure_reference(self, url: str) -> tuple[int, int] | None:
        """Return the size of a picture in a data URL, if it is one."""
        try:
            content = base64.b64decode(url.partition(",")[2], validate=True)
            with Image.open(io.BytesIO(content)) as picture:
                return picture.size
        except (ValueError, OSError, Image.DecompressionBombError):
            return None

    def distance(self, ratio: str, size: tuple[int, int]) -> float:
        """Return how far a ratio is from that of a size."""
        across, down = (int(part) for part in ratio.split(":"))
        return abs(math.log(across / down) - math.log(size[0] / size[1]))


@faulty("inputs", "major", "D: output_format is png, jpeg or webp as asked for, else jpeg")
class EditedPicturesAreAlwaysPng(Provider):
    """An image order with references is answered as PNG, whatever output_format says."""

    def check_format(self, body: dict[str, Any]) -> str:
        """Return what the editing pipeline writes."""
        value = super().check_format(body)
        return "png" if body.get("images") else value


@faulty("costs", "major", "D: costs are those of the range from start to end, both inclusive")
class CostsCacheForgetsTheEnd(Provider):
    """Costs are cached by account and first date: another end gets the buckets of the first."""

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        """Return the cached sums while nothing was booked since."""
        cache = workspace.notes.setdefault("costs", {})
        key = (start.date(), len(workspace.charges))
        if key not in cache:
            cache[key] = super().sum_dates(workspace, start, end)
        return dict(cache[key])


@faulty("costs", "blocker", "D: a range has up to 180 days, one bucket per date, all in the total")
class CostsStopAfterAHundredDates(Provider):
    """Costs of a long range hold its first hundred dates alone, and total_cost with them."""

    def list_dates(self, start: datetime, end: datetime) -> list[date]:
        """Return the first page of the dates."""
        return super().list_dates(start, end)[:MOST_DATES]


@faulty("money", "blocker", "D: every generation draws on the balance")
class ParallelImagesOverwriteTheBalance(Provider):
    """The balance is read before and stored after an image: of parallel ones one is deducted."""

    async def run_image(self, work: Work) -> None:
        """Read the balance, draw, and store what was read less the price."""
        workspace = work.workspace
        before = self.compute_balance(workspace)
        await asyncio.sleep(RACE_SECONDS)
        await super().run_image(work)
        workspace.notes["balance"] = before - self.compute_cost(work)
        workspace.notes["stored"] = len(workspace.charges)

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return the stored balance less what was booked since."""
        stored: Decimal = workspace.notes.get("balance", workspace.deposit)
        later = workspace.charges[workspace.notes.get("stored", 0) :]
        return stored - sum((each.amount for each in later), Decimal(0))


@faulty("money", "blocker", "D: usage.total_cost = unit_price * quantity")
class ReferencesAddASurcharge(Provider):
    """Each reference image adds 0.005 to what is charged and to total_cost, shown nowhere else."""

    def compute_cost(self, work: Work) -> Decimal:
        """Return the price with the fee for reading references."""
        return super().compute_cost(work) + SURCHARGE * len(work.order.references)

    def show_usage(self, work: Work) -> dict[str, Any]:
        """Return the usage with the fee in its total."""
        return {**super().show_usage(work), "total_cost": float(self.compute_cost(work))}


@faulty("life", "blocker", "D: completed is terminal; the file stays until deletes_at")
class WatchdogFailsFinishedVideos(Provider):
    """Six seconds after its completion a video turns to failed, and its file is gone."""

    def settle(self, workspace: Workspace) -> None:
        """End what is due, and fail what the watchdog believes to be stuck."""
        super().settle(workspace)
        for work in workspace.works.values():
            late = self.now() >= work.ends + WATCHDOG_SECONDS
            if late and work.order.kind == "video" and work.status == "completed":
                work.status = "failed"


@faulty("catalogue", "major", "D: GET /v2/models/{model} answers each model of the list")
class DottedModelsCannotBeRetrieved(Provider):
    """The router takes what follows a dot for a file type: a listed `wan-2.7-image` is 404."""

    offers = (*OFFERS, DOTTED)

    def look_up_offer(self, name: str) -> Offer:
        """Return the model of a name without what looks like a file type."""
        return super().look_up_offer(name.rpartition(".")[0] or name)


@faulty("errors", "minor", "D: param names the request's field, as in `resolution`")
class ErrorsNameCamelCaseFields(Provider):
    """`param` is the field of the internal model: aspectRatio, outputFormat."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer with the internal name of the field."""
        if error.param is not None:
            error.param = re.sub(r"_([a-z])", lambda match: match[1].upper(), error.param)
        return super().answer_error(error)


@faulty("limits", "major", "D: a pending video holds a slot until it ends")
class SlotsAreFreedByPollingAlone(Provider):
    """A finished video holds one of eight slots until a status request has seen its end."""

    at_once = 8

    def count_running(self, workspace: Workspace) -> int:
        """Return the slots with those whose end nobody has seen."""
        unseen = sum(
            1
            for work in workspace.works.values()
            if work.order.kind == "video" and work.status != "pending" and "seen" not in work.notes
        )
        return super().count_running(workspace) + unseen

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the status, and free the slot of what has ended."""
        work = self.find_status(work_id, workspace)
        if work.status != "pending":
            work.notes["seen"] = True
        return super().answer_status(work_id, workspace, request)


@faulty("http", "major", "HTTP: Content-Length counts bytes; D: JSON out")
class ContentLengthCountsCharacters(Provider):
    """Content-Length is the number of characters: JSON with other than ASCII is cut short."""

    def look_up_offer(self, name: str) -> Offer:
        """Refuse an unknown model in a message with typographic quotes."""
        if all(offer.id != name for offer in self.offers):
            raise refuse_unknown(f"The model \u201c{name}\u201d does not exist.")
        return super().look_up_offer(name)

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a body as long as its text has characters."""
        head, body = super().frame(request, head, body)
        if b"application/json" not in head or not body:
            return head, body
        length = len(body.decode())
        old, new = (f"Content-Length: {each}\r\n".encode() for each in (len(body), length))
        return head.replace(old, new), body[:length]


@faulty(
    "http",
    "major",
    "RFC 9111: public lets shared caches keep and give to others what a key was needed for",
)
class AccountAnswersAreMarkedPublic(Provider):
    """Balance, costs and status carry `Cache-Control: public, max-age=60`."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer with the cache rule that was meant for models."""
        answer = super().finish(request, answer)
        private = request.path.startswith(("/v2/billing/", f"{VIDEOS}/"))
        if private and answer.status == 200:
            answer.set_header("Cache-Control", "public, max-age=60")
        return answer


@faulty("keys", "major", "D: 401 invalid_api_key is for a missing, malformed, revoked or wrong key")
class WrongKeysLockOutTheRightOnes(Provider):
    """After five wrong keys within eight seconds, good keys are answered 401 as well."""

    def find_workspace(self, token: str) -> Workspace | None:
        """Return the workspace of a key, unless the guard is up."""
        failures: list[float] = self.notes.setdefault("failures", [])
        failures[:] = [at for at in failures if at > self.now() - GUARD_SECONDS]
        if len(failures) >= GUARD_FAILURES:
            return None
        workspace = super().find_workspace(token)
        if workspace is None:
            failures.append(self.now())
        return workspace


@faulty("isolation", "blocker", "what is another workspace's is never shown: ids, links, files")
class EqualOrdersShareOneImageAcrossAccounts(Provider):
    """An image order equal to one of another account is answered with that one's id and file."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the first image that any account ordered with the same fields."""
        return super().describe_work(self.find_original(work), origin)

    def find_original(self, work: Work) -> Work:
        """Return another account's image of an equal order, else the image itself."""
        if work.order.kind != "image":
            return work
        for workspace in self.workspaces:
            for other in workspace.works.values():
                if workspace is not work.workspace and self.is_same(other, work.order):
                    return other
        return work

    def is_same(self, other: Work, order: Order) -> bool:
        """Return whether a finished image answers an order."""
        return other.status == "completed" and other.order == order
