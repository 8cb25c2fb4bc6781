"""Differences that break no fact."""

from __future__ import annotations

import json
import math
import secrets
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_unknown,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.catalogue import Kind, Offer

BATCH: Final = 4

FLAT: Final = {"480p": "0.015", None: "0.05"}


@legal("`data` holds one or more files (D); the price of an image does not name a number of files")
class TwoFilesForAnImage(Provider):
    """An image has two files, each with a link of its own, for the price of one."""

    def is_item(self, index: str) -> bool:
        """Return whether there is a file of a number; no link is signed for a second video."""
        return index in {"0", "1"}

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Return a generation; that of an image with both files."""
        value = super().describe_work(work, origin)
        if work.order.kind == "image" and "data" in value:
            exp = str(self.link_expiry(work))
            second = dict(value["data"][0])
            query = f"exp={exp}&sig={self.sign(work.id, '1', exp)}"
            second["url"] = f"{origin}/v2/downloads/{work.id}/1?{query}"
            value["data"].append(second)
        return value


@legal("Whether the url stays the same from poll to poll is unknown (X); all of them work")
class NewSignatureAtEachLook(Provider):
    """Each look at a video has a link with a new signature; the older ones work as well."""

    def make_link(self, work: Work, origin: str) -> str:
        """Return a link whose signature begins with a nonce."""
        exp, nonce = str(self.link_expiry(work)), secrets.token_hex(4)
        signature = nonce + self.sign(work.id, "0", f"{exp}.{nonce}")
        return f"{origin}/v2/downloads/{work.id}/0?exp={exp}&sig={signature}"

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Check a signature together with its nonce."""
        given = query.get("sig", "")
        read = {"exp": f"{query.get('exp', '')}.{given[:8]}", "sig": given[8:]}
        return super().open_link(work_id, index, read)


@legal("That bytes are answered directly is inferred (I); HTTP has redirects")
class DownloadsAreRedirected(Provider):
    """A good link is answered by 302 to the store of files, on the same host."""

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        """Return the methods of a path, the store's included."""
        return ("GET", "HEAD") if path.startswith("/store/v2/") else super().allowed_methods(path)

    async def route(self, request: Incoming) -> Outgoing:
        """Answer the store, which asks for no key either."""
        parts = request.path.split("/")
        if request.method in {"GET", "HEAD"} and parts[1:3] == ["store", "v2"]:
            if len(parts) != 5:
                raise refuse_unknown()
            return await super().answer_download(request)
        return await super().route(request)

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Answer where the file is."""
        parts = request.path.split("/")
        if len(parts) != 5:
            raise refuse_unknown()
        self.open_link(parts[3], parts[4], request.query)
        place = f"/store/v2/{parts[3]}/{parts[4]}?{request.query_text}"
        return Outgoing(status=302, headers=[("Location", place)])


@legal("A rate's resolution may be null, which means any (D); an exact one goes first (I)")
class OneRateForAnyResolution(Provider):
    """seedance-v1-pro has a rate for 480p, and one without a resolution for all others."""

    def find_unit_price(self, order: Order) -> Decimal:
        """Return the price of the exact rate, or of the other."""
        if order.offer.id != "seedance-v1-pro":
            return super().find_unit_price(order)
        return Decimal(FLAT.get(order.resolution, FLAT[None]))

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with these rates."""
        value = super().describe_offer(offer)
        if offer.id == "seedance-v1-pro":
            fixed = {"billable_unit": offer.unit, "sound": "not_applicable"}
            rates = [{**fixed, "resolution": k, "unit_price": v} for k, v in FLAT.items()]
            value["pricing"]["rates"] = rates
        return value

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return the same in the list."""
        return self.describe_offer(offer)


@legal("When money is taken is unknown (X); what is held comes back when a video fails")
class BalanceWithoutWhatIsHeld(Provider):
    """The balance shown is less what pending videos will cost."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer what can still be spent."""
        free = self.compute_balance(workspace) - self.sum_held(workspace)
        return answer_json({"balance": self.show_money(free), "currency": "USD"})


@legal("Whether the window is fixed or sliding is unknown (X)")
class WindowSlides(Provider):
    """The limits count the last 60 s; the reset is when the oldest submission leaves them."""

    def start_of_window(self) -> float:
        """Return 60 s ago."""
        return self.now() - WINDOW

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return when the next submission leaves the window."""
        begin = self.start_of_window()
        oldest = min((at for at in workspace.started[kind] if at >= begin), default=self.now())
        return math.ceil(oldest + WINDOW)


@legal("usage is optional on a video, and so are its size, fps and has_sound (D)")
class VideosWithoutTheOptionalFields(Provider):
    """A completed video has no usage and no has_sound, and null for its size and rate."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Return a generation; that of a video with what is required."""
        value = super().describe_work(work, origin)
        if work.order.kind == "video" and "data" in value:
            del value["usage"]
            for item in value["data"]:
                item.update({"width": None, "height": None, "duration": None, "fps": None})
                del item["has_sound"]
        return value


@legal("The retention is unknown (X), and so is the status of a link that is over or wrong (X)")
class FilesLiveForTwoMinutes(Provider):
    """Files are deleted after two minutes, and a link that is over or wrong is 404."""

    retention: ClassVar[int] = 120

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a link, or refuse as if there were none."""
        try:
            return super().open_link(work_id, index, query)
        except RefusedError:
            raise refuse_unknown("This file does not exist.") from None


@legal("JSON and HTTP leave spaces, escapes, the case of names and the coding of a body free")
class OtherSpellingsOfTheSame(Provider):
    """JSON is indented, in ASCII and chunked, header names are lower case, requests have an id."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer in another spelling."""
        answer = super().finish(request, answer)
        if (answer.header("content-type") or "").startswith("application/json"):
            answer.body = json.dumps(answer.value, indent=2, ensure_ascii=True).encode() + b"\n"
            answer.set_header("content-type", "application/json; charset=utf-8")
            answer.chunked = True
        answer.headers = [(name.lower(), value) for name, value in answer.headers]
        answer.headers.append(("x-request-id", secrets.token_hex(8)))
        return answer


@legal("When money is taken is unknown (X), and a failure may come from the safety checks (I)")
class PaidInAdvanceAndGivenBack(Provider):
    """Money is taken with the submission; every fourth video is found unsafe, and refunded."""

    fail_every: ClassVar[int] = 4

    def on_submission(self, work: Work) -> None:
        """Charge at once."""
        self.charge(work, self.compute_cost(work))

    def on_completion(self, work: Work) -> None:
        """Charge nothing more."""

    def on_failure(self, work: Work) -> None:
        """Give the money back, to the date of the charge."""
        amount = -self.compute_cost(work)
        work.workspace.charges.append(Charge(at=work.created, amount=amount, work=work.id))

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Hold nothing: all is paid."""
        del workspace
        return Decimal(0)

    def describe_failure(self, work: Work) -> dict[str, Any]:
        """Return why the video failed."""
        del work
        message = "The generated content did not pass our safety checks."
        return {"message": message, "code": "content_policy_violation"}
