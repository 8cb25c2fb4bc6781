"""Providers that work otherwise: media, prices, limits, books and errors; all are right."""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

import av
from PIL import Image, ImageCms

from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.messages import Incoming, Outgoing, RefusedError, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 13
LAG: Final = 1.0
LANES: Final = 2
SMALL: Final = ("480p", "720p")
ROLES: Final = ("reference_image", "first_frame", "last_frame")
FREE: Final = replace(
    OFFERS[2],
    id="z-image-nano",
    name="Z-Image Nano (free preview)",
    created_at="2026-11-02T07:00:00.000Z",
    resolutions=("1K",),
    rates=(Rate(resolution="1K", sound="not_applicable", unit_price="0"),),
)
LONG_PRICES: Final = {"0.005": "0.0051234567", "0.012": "0.01200000", "0.034": "0.03412345"}


def _save_again(content: bytes, form: str, mode: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert(mode, palette=Image.Palette.ADAPTIVE).save(buffer, form, **options)
    return buffer.getvalue()


def _lengthen(offer: Offer) -> Offer:
    prices = [(rate, LONG_PRICES.get(rate.unit_price, rate.unit_price)) for rate in offer.rates]
    return replace(offer, rates=tuple(replace(rate, unit_price=new) for rate, new in prices))


@legal("D: output_format jpeg is all that is said; ITU-T T.81 has progressive scans and 4:4:4")
class JpegsAreProgressiveWithAProfile(Provider):
    """JPEGs are progressive, 4:4:4, with an ICC profile, EXIF, a comment and restart markers."""

    def draw(self, work: Work) -> bytes:
        """Save a JPEG as a photographer would."""
        content = super().draw(work)
        if work.order.output_format != "jpeg" or work.order.kind == "video":
            return content
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        exif = Image.Exif()
        exif[0x0112], exif[0x0131] = 1, "renderer 7.2"
        extras = {"icc_profile": profile, "exif": exif, "comment": work.id.encode()}
        jpeg = {"progressive": True, "subsampling": 0, "restart_marker_rows": 4}
        return _save_again(content, "JPEG", "RGB", quality=92, **jpeg, **extras)


@legal("D: png or webp is all that is said; a palette is PNG, and a lossless stream is WebP")
class PicturesAreStoredWithoutLoss(Provider):
    """PNGs have a palette, and WebPs are lossless (`VP8L`) in an extended file with EXIF."""

    def draw(self, work: Work) -> bytes:
        """Save what is not JPEG anew."""
        content = super().draw(work)
        match work.order.output_format:
            case "png":
                return _save_again(content, "PNG", "P", compress_level=1, dpi=(72, 72))
            case "webp":
                exif = Image.Exif()
                exif[0x0131] = "renderer 7.2"
                return _save_again(content, "WEBP", "RGB", lossless=True, method=0, exif=exif)
        return content


@legal("D: mime_type video/mp4 is all that is said; ISO 14496-12 8.8: a movie may be in fragments")
class VideosHaveOneFragmentASecond(Provider):
    """MP4s are fragmented: a `moov` without samples, then a `moof` for each second of the film."""

    def draw(self, work: Work) -> bytes:
        """Pack a video anew."""
        content = super().draw(work)
        if work.order.kind == "image":
            return content
        buffer, flags = io.BytesIO(), "empty_moov+delay_moov+default_base_moof"
        options = {"movflags": flags, "frag_duration": "1000000"}
        with (
            av.open(io.BytesIO(content), "r") as source,
            av.open(buffer, "w", format="mp4", options=options) as target,
        ):
            target.metadata["comment"] = work.id
            streams = [target.add_stream_from_template(each) for each in source.streams]
            for packet in source.demux():
                packet.stream = streams[packet.stream.index]
                target.mux(packet if packet.dts is not None else [])
        return buffer.getvalue()


@legal("D: fps is a number of the item, 24 at 1080p; X: other resolutions. Answer and file agree")
class SmallerVideosHaveThirtyFrames(Provider):
    """Videos of 480p and 720p have 30 frames a second, those of 1080p have 24."""

    def plan_film(self, work: Work) -> Film:
        """Plan more frames."""
        film = super().plan_film(work)
        return replace(film, fps=30) if work.order.resolution in SMALL else film

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Say so."""
        item = super().describe_file(work, origin)
        return item | ({"fps": 30} if work.order.resolution in SMALL else {})


@legal("D: the envelope; further members are a later version's, and how param names an item is X")
class ErrorsExplainThemselves(Provider):
    """Errors have `details` and `request_id`; a nested `param` is written `images.0.url`."""

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Explain the error."""
        error.param = error.param and re.sub(r"\[(\d+)\]", r".\1", error.param)
        answer = super().answer_error(error)
        detail = {"code": None, "message": "See the guide.", "error": {"type": "hint"}}
        value = {"request_id": f"err_{next(self.numbers)}", **answer.value, "success": False}
        value["error"] |= {"details": [detail], "status": error.status, "retryable": None}
        answer.set_value(value)
        return answer


@legal("D: prices are what the catalogue says, and a price may be 0; what is free draws nothing")
class FreeModelComesFirst(Provider):
    """A free image model is the first of the list: its `unit_price` is `0`, `total_cost` is 0."""

    offers: ClassVar[tuple[Offer, ...]] = (FREE, *OFFERS)


@legal("D: unit_price and balance are decimal strings, of any number of places; products agree")
class PricesHaveManyPlaces(Provider):
    """Some prices are `0.0051234567` or `0.01200000`, and the balance has as many places."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(_lengthen(each) for each in OFFERS)


@legal("D: supported_references is role -> maximum count, and a maximum of 0 means none")
class UnsupportedRolesAreListedAsZero(Provider):
    """`supported_references` names all three roles of every model, with 0 where there is none."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Name all roles."""
        counts = {role: offer.references.get(role, 0) for role in ROLES}
        return super().describe_offer(offer) | {"supported_references": counts}

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Name all roles."""
        return self.describe_offer(offer)


@legal("D: the documented sample of this 429 has message and code alone; O: 3 at once were seen")
class ThreeAtOnceAsInTheSample(Provider):
    """Three generations run at once; the 429 of a fourth has `message` and `code`, no more."""

    at_once: ClassVar[int] = 3

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer as the sample does."""
        answer = super().answer_error(error)
        if error.status == 429 and "Retry-After" not in error.headers:
            answer.set_value({"error": {"message": error.message, "code": error.code}})
        return answer


@legal("X: how long a video takes; what waits is pending, and holds its slot until it ends")
class TwoVideosAreMadeAtATime(Provider):
    """A workspace has two lanes: a third video waits, `pending`, until one of two has ended."""

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Begin when a lane is free."""
        work = super().prepare(order, workspace)
        running = [each for each in workspace.works.values() if each.status == "pending"]
        ends = sorted(each.ends for each in running if each.order.kind == "video")
        if order.kind == "video" and len(ends) >= LANES:
            work.ends = max(self.now(), ends[-LANES]) + self.plan_seconds(order)
        return work


@legal("X: when a generation is charged is unknown; balance and costs agree, and both have it soon")
class BooksAreWrittenAMomentLater(Provider):
    """Balance and costs show a generation a second after it ended; 402 counts it at once."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return what is written."""
        return [each for each in workspace.charges if each.at <= self.now() - LAG]

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer the balance of the books."""
        spent = sum((each.amount for each in self.list_charges(workspace)), Decimal(0))
        balance = self.show_money(workspace.deposit - spent)
        return answer_json({"balance": balance, "currency": "USD"})


@legal("D: costs have start and end; how the two instants are written there is not said")
class CostsEchoTheRangeAsItWasSent(Provider):
    """`start` and `end` of costs are those of the query, with its zone and its microseconds."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Repeat what was asked."""
        answer = super().answer_costs(workspace, request)
        sent = {name: request.query[name] for name in ("start", "end")}
        answer.set_value(answer.value | sent)
        return answer


@legal("O: 25 to 35 s were seen, and the SDK waits for 300; how long a picture takes is X")
class SomePicturesTakeSeconds(Provider):
    """Every sixth generation that is an image takes four seconds; the others take none."""

    async def run_image(self, work: Work) -> None:
        """Wait now and then."""
        if work.number % 6 == 0:
            await asyncio.sleep(4)
        await super().run_image(work)
