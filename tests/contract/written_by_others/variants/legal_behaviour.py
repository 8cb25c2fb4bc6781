"""Legal variants: other times, limits, charges, links and choices where the facts are silent."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING, Any, ClassVar

from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    refuse_unknown,
    refuse_value,
)
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from decimal import Decimal

    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind


@legal("How long a video takes is not documented (section 4, X).")
class InstantVideos(Provider):
    """A video is completed at the first look."""

    def plan_seconds(self, order: Order) -> float:
        return 0.0


@legal("How long a video takes is not documented (section 4, X).")
class SlowerVideos(Provider):
    """A video takes four seconds longer, whatever is asked for."""

    def plan_seconds(self, order: Order) -> float:
        return super().plan_seconds(order) + 4


@legal("A generation may fail, with HTTP 200 and without a charge (sections 4 and 7).")
class SomeVideosFail(Provider):
    """Every fifth video fails and is not charged."""

    fail_every: ClassVar[int] = 5


@legal("When a generation is charged is not documented (section 7, X).")
class ChargesAtSubmission(Provider):
    """Charged at submission, given back on failure; every sixth video fails."""

    fail_every: ClassVar[int] = 6

    def on_submission(self, work: Work) -> None:
        self.charge(work, self.compute_cost(work))

    def on_completion(self, work: Work) -> None:
        """Nothing is left to do."""

    def on_failure(self, work: Work) -> None:
        self.charge(work, -self.compute_cost(work))

    def sum_held(self, workspace: Workspace) -> Decimal:
        return super().sum_held(workspace) * 0


@legal("When a generation is charged is not documented: the balance may show what is held.")
class BalanceShowsHolds(Provider):
    """The balance is less what pending videos will cost; costs list completed ones alone."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        answer = super().answer_balance(workspace)
        shown = self.show_money(self.compute_balance(workspace) - self.sum_held(workspace))
        answer.set_value({"balance": shown, "currency": "USD"})
        return answer


@legal("Whether the window is fixed or sliding is not documented (section 9).")
class SlidingWindow(Provider):
    """The limits count the last 60 seconds; Reset is when the oldest one leaves."""

    def start_of_window(self) -> float:
        return self.now() - 60

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        begin = self.start_of_window()
        counted = [at for at in workspace.started[kind] if at >= begin]
        return int((counted[0] if counted else self.now()) + 60) + 1


@legal("Limits vary by account (section 9).")
class SmallLimits(Provider):
    """40 images and 30 videos a minute, four at the same time."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 40, "video": 30}
    at_once: ClassVar[int] = 4


@legal("Both limits answer 429; a Retry-After for concurrency is not excluded (RFC 9110).")
class RetryAfterForConcurrency(Provider):
    """The 429 for concurrency says to come back in two seconds."""

    at_once: ClassVar[int] = 6

    def check_limits(self, workspace: Workspace, kind: Kind) -> None:
        try:
            super().check_limits(workspace, kind)
        except RefusedError as error:
            error.headers.setdefault("Retry-After", "2")
            raise


@legal("How `sig` is computed is not documented (section 5).")
class OtherSignatures(Provider):
    """`sig` is unpadded base64url of SHA-512, 86 characters."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        text = f"{work_id}.{index}.{exp}".encode()
        code = hmac.new(self.secret, text, hashlib.sha512).digest()
        return base64.urlsafe_b64encode(code).decode().rstrip("=")


@legal("Links may carry more than `exp` and `sig`; other parameters are not excluded.")
class LinksOfAContentNetwork(Provider):
    """A link has a cache marker and a region, which need not be sent back."""

    def make_link(self, work: Work, origin: str) -> str:
        return f"{super().make_link(work, origin)}&cdn=fra-3&v=1"


@legal("How long a file is kept is not documented (section 5, X: 24 h).")
class ShortRetention(Provider):
    """Files are kept for 25 seconds."""

    retention: ClassVar[int] = 25


@legal("What expired, tampered and unknown links answer is not documented (section 5, X).")
class LinksAreGoneOrDenied(Provider):
    """A wrong signature is 404, an expired link 403; files are kept for 25 seconds."""

    retention: ClassVar[int] = 25

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        try:
            return super().open_link(work_id, index, query)
        except RefusedError as error:
            if error.status == 403:
                raise refuse_unknown() from None
            if error.status == 410:
                raise RefusedError(403, "access_denied", "Request has expired") from None
            raise


@legal("Range, ETag, HEAD and Content-Disposition are not documented (section 5, X).")
class PlainDownloads(Provider):
    """Downloads have no ETag, no ranges, no Content-Disposition; HEAD is 405."""

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        allowed = super().allowed_methods(path)
        return ("GET",) if path.startswith("/v2/downloads/") else allowed

    def answer_file(self, request: Incoming, work: Work, content: bytes) -> Outgoing:
        headers = [("Content-Type", self.media_type(work.order))]
        return Outgoing(status=200, headers=headers, body=content)


@legal("That unknown fields of a body are let pass is inferred (section 8, I).")
class RefusesUnknownFields(Provider):
    """A body with an unknown field is 400 `invalid_parameter`."""

    def check_required(self, body: dict[str, Any]) -> None:
        super().check_required(body)
        known = {"model", "prompt", "aspect_ratio", "resolution", "images"}
        known |= {"output_format", "duration", "sound"}
        for name in body:
            if name not in known:
                raise refuse_value(f"Unknown parameter: '{name}'.", name)


@legal("`sound: true` on a silent model is unknown (section 3, X).")
class SilentModelsRefuseSound(Provider):
    """`sound: true` on a model without sound is 400."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        order = super().read_order(body, kind)
        if order.sound and not order.offer.sound:
            raise refuse_value(f"Unsupported sound 'true' for model '{order.offer.id}'.", "sound")
        return order


@legal("Whether a cost at the edge of a range counts by date or by instant is not documented.")
class CostsByInstant(Provider):
    """A charge counts if its instant is within start and end, both included."""

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        kept = [each for each in workspace.charges if start.timestamp() <= each.at]
        kept = [each for each in kept if each.at <= end.timestamp()]
        everything, workspace.charges = workspace.charges, kept
        try:
            return super().sum_dates(workspace, start, end)
        finally:
            workspace.charges = everything


@legal("An image blocks until it is done: 25 to 35 seconds were seen (section 2).")
class ImagesTakeTime(Provider):
    """An image takes one and a half seconds and holds a slot meanwhile."""

    image_seconds: ClassVar[float] = 1.5


@legal("An SDK test sends start equal to end (section 7): accepting it is not excluded.")
class EqualEndsAccepted(Provider):
    """`start` equal to `end` is accepted and covers one date."""

    def check_range(self, start: datetime, end: datetime) -> None:
        if start != end:
            super().check_range(start, end)
