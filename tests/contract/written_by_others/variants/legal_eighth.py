"""Providers that differ in what the documentation and the RFCs leave open, and are right."""

from __future__ import annotations

import io
import math
import secrets
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from tests.contract.written_by_others.accounts import Order, Work, Workspace, digest
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    answer_json,
    refuse_value,
)
from tests.contract.written_by_others.provider import IMAGES, Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind, Offer

BATCH: Final = 8
SALT: Final = 8
OFFICE: Final = timezone(timedelta(hours=1))
MAKERS_SIZES: Final = {
    ("2K", "16:9"): (2848, 1600),
    ("2K", "9:16"): (1600, 2848),
    ("2K", "4:3"): (2304, 1728),
    ("2K", "3:4"): (1728, 2304),
    ("2K", "3:2"): (2496, 1664),
    ("2K", "2:3"): (1664, 2496),
    ("1K", "16:9"): (1312, 736),
    ("1K", "9:16"): (736, 1312),
    ("480p", "16:9"): (864, 496),
    ("480p", "9:16"): (496, 864),
    ("720p", "1:1"): (960, 960),
}


@legal("RFC 8259 2: whitespace may stand before a value; some services keep connections alive so")
class WhitespaceComesBeforeThePicture(Provider):
    """The JSON of an image begins with spaces and line ends, sent while it was being drawn."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Put whitespace before the value."""
        if request.path == IMAGES and answer.status == 200:
            answer.body = b" \r\n" * 6 + answer.body
        return answer


@legal("RFC 9110 15.2: a client must be able to parse 1xx answers before the final one")
class EarlyHintsComeBeforePictures(Provider):
    """An image's answer follows a `103 Early Hints` that names the host of the downloads."""

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Send the hint first."""
        if request.path == IMAGES and request.method == "POST":
            link = f"<{self.origin(request)}>; rel=preconnect"
            head = f"HTTP/1.1 103 Early Hints\r\nLink: {link}\r\n\r\n".encode("latin-1") + head
        return head, body


@legal("RFC 9110 8.8.3 and 13.1.5: tags may be weak, and If-Range with a weak tag never matches")
class TagsOfFilesAreWeak(Provider):
    """Downloads have weak entity tags; `If-Range` with them answers the whole file."""

    def tag_matches(self, condition: str, tag: str) -> bool:
        """Return that no weak tag is good enough."""
        return False

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Weaken the tag."""
        if tag := answer.header("etag"):
            answer.set_header("ETag", f"W/{tag}")
        return answer


@legal("RFC 9110 5.1: names are case-insensitive, and unknown fields and cookies are to be ignored")
class HeadersOfACdnAreInLowerCase(Provider):
    """Header names are in lower case, and a CDN adds `cf-ray`, `via`, `set-cookie` and more."""

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Add what a CDN adds."""
        mark = secrets.token_hex(8)
        answer.headers += [
            ("server", "cloudflare"),
            ("cf-ray", f"{mark}-WAW"),
            ("cf-cache-status", "DYNAMIC"),
            ("via", "1.1 edge"),
            ("strict-transport-security", "max-age=31536000"),
            ("set-cookie", f"__cf_bm={mark}; path=/; HttpOnly; SameSite=Lax"),
        ]
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Write the names in lower case."""
        first, *lines = head.split(b"\r\n")
        fields = [line.partition(b":") for line in lines]
        lower = [name.lower() + colon + value for name, colon, value in fields]
        return b"\r\n".join([first, *lower]), body


@legal("X: sizes but 2K at 1:1 and 1080p at 16:9 are not documented; answer and file agree")
class SizesFollowTheMakersTable(Provider):
    """2K at 16:9 is 2848x1600, 480p is 864x496: the makers' sizes, which round the ratio."""

    def plan_size(self, order: Order) -> tuple[int, int]:
        """Return the size of the table."""
        return MAKERS_SIZES.get((order.resolution, order.ratio)) or super().plan_size(order)


@legal("I: the order of checks is not documented, and one error names one param, whichever")
class ModelIsCheckedBeforeThePrompt(Provider):
    """The model and its values are checked first: they are named when the prompt is wrong, too."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Look at the model first."""
        self.check_strings(body, ("model", "aspect_ratio", "resolution"))
        if "model" in body:
            offer = self.find_offer(body["model"], kind)
            self.choose(body, "aspect_ratio", offer)
            self.choose(body, "resolution", offer)
        return super().read_order(body, kind)


@legal("X: what sound: true does on a silent model is unknown; the guide says where supported")
class SoundOfASilentModelIsRefused(Provider):
    """`sound: true` on a model without sound is 400 `invalid_parameter` of `sound`."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Refuse sound where there is none."""
        order = super().read_order(body, kind)
        if order.sound and not order.offer.sound:
            raise refuse_value(f"Model '{order.offer.id}' does not support sound.", "sound")
        return order


@legal("X: when a generation is taken from the balance is unknown; costs show it when it is done")
class HeldMoneyIsNotInTheBalance(Provider):
    """The balance falls when a video is accepted, and stays so; costs have it at completion."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer what is free."""
        free = self.compute_balance(workspace) - self.sum_held(workspace)
        return answer_json({"balance": self.show_money(free), "currency": "USD"})


@legal("D: the window is 60 s; X: where it begins. Limit, remaining, reset and Retry-After agree")
class WindowBeginsWithTheFirstOrder(Provider):
    """The 60 seconds of a limit begin with a workspace's first order, not at the full minute."""

    def find_window(self, workspace: Workspace, kind: Kind) -> tuple[float, int]:
        """Return when the running window began, and how many orders it has."""
        begin, count = self.now(), 0
        for at in workspace.started[kind]:
            if count == 0 or at >= begin + WINDOW:
                begin, count = at, 0
            count += 1
        return (begin, count) if self.now() < begin + WINDOW else (self.now(), 0)

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the second by which the window has ended."""
        return math.ceil(self.find_window(workspace, kind)[0] + WINDOW)

    def retry_after(self, workspace: Workspace, kind: Kind) -> str | None:
        """Return the seconds until then, rounded up."""
        left = self.find_window(workspace, kind)[0] + WINDOW - self.now()
        return str(max(1, math.ceil(left)))

    def count_started(self, workspace: Workspace, kind: Kind) -> int:
        """Return the orders of the window."""
        return self.find_window(workspace, kind)[1]


@legal("D: type is image or video; what another value does is our choice, and nothing is of it")
class OtherTypesListNothing(Provider):
    """`GET /v2/models?type=audio` answers an empty array instead of 400."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer nothing for another type."""
        if request.query.get("type") not in {None, "image", "video"}:
            return answer_json([])
        return super().answer_models(request)


@legal("D: created_at is a date-time; RFC 3339 5.6 allows an offset and no fraction")
class CreationTimesHaveAnOffset(Provider):
    """`created_at` of models is written `2026-02-10T10:00:00+01:00`, an hour ahead of UTC."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Show the time of the office."""
        instant = datetime.fromisoformat(offer.created_at).astimezone(OFFICE)
        return {**super().describe_offer(offer), "created_at": instant.isoformat()}

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Show the time of the office."""
        return self.describe_offer(offer)


@legal("D: output_format is all that is said of a picture; a PNG may have an alpha channel")
class PngsHaveAnAlphaChannel(Provider):
    """PNG files are RGBA, all of it opaque; JPEG and WebP are as ever."""

    def draw(self, work: Work) -> bytes:
        """Add a channel."""
        content = super().draw(work)
        if work.order.output_format != "png":
            return content
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(content)) as picture:
            picture.convert("RGBA").save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()


@legal("X: whether the url stays the same is not known; every one of them works until deletes_at")
class LinksAreSaltedAtEachPoll(Provider):
    """Each poll of a finished video has another `sig`, made with a salt; all links stay good."""

    def make_link(self, work: Work, origin: str) -> str:
        """Salt the signature."""
        address, _, signature = super().make_link(work, origin).rpartition("sig=")
        salt = secrets.token_hex(SALT // 2)
        return f"{address}sig={salt}{digest(salt, signature)}"

    def same_signature(self, given: str, expected: str) -> bool:
        """Compare with the same salt."""
        return super().same_signature(given[SALT:], digest(given[:SALT], expected))


@legal("D: quantity, duration and fps are numbers; RFC 8259 6: 5.0 is the same number as 5")
class QuantitiesHaveAPoint(Provider):
    """`quantity`, `duration` and `fps` are written `5.0` and `24.0`, as floats are."""

    def show_usage(self, work: Work) -> dict[str, Any]:
        """Write the quantity as a float."""
        return {**super().show_usage(work), "quantity": float(work.quantity)}

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Write length and frames as floats."""
        item = super().describe_file(work, origin)
        return {k: float(v) if k in {"duration", "fps"} else v for k, v in item.items()}
