"""Providers whose files, prices, books and catalogue differ in what is left open, and are right."""

from __future__ import annotations

import io
import secrets
import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import av
from PIL import Image

from tests.contract.written_by_others.accounts import ALPHABET, Charge, Work, Workspace
from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.messages import Incoming, Outgoing, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 9
MARK: Final = 40  # the `free` box by which equal films differ
BOOK_SECONDS: Final = 0.8
REPLICA_SECONDS: Final = 1.2
FULL_HD: Final = "1080p"
FREE: Final = (
    Rate(resolution="1K", sound="not_applicable", unit_price="0"),
    Rate(resolution="2K", sound="not_applicable", unit_price="0"),
)
FINE: Final = {"0.034": "0.0341875", "0.12": "0.1203125", "0.005": "0.0046875", "0.02": "0.0203125"}


def _save(content: bytes, name: str, mode: str, **options: Any) -> bytes:
    """Return a picture in another encoding."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert(mode, palette=Image.Palette.ADAPTIVE).save(buffer, name, **options)
    return buffer.getvalue()


def _rewrap(content: bytes, tags: dict[str, str], **options: str) -> bytes:
    """Return a film with the same packets in another arrangement."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with (
            av.open(io.BytesIO(content), "r") as source,
            av.open(str(path), "w", options=options) as target,
        ):
            target.metadata.update(tags)
            streams = [target.add_stream_from_template(each) for each in source.streams]
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
        return path.read_bytes() + content[-MARK:]


@legal("D: output_format says jpeg; ITU-T T.81 has progressive files, and chroma may be in full")
class JpegsAreProgressiveInFullChroma(Provider):
    """JPEG files are progressive, 4:4:4, with Exif data and a comment."""

    def draw(self, work: Work) -> bytes:
        """Encode a JPEG again."""
        content = super().draw(work)
        if work.order.output_format != "jpeg":
            return content
        exif = Image.Exif()
        exif[0x0131] = "getimg.ai"  # Software
        options = {"quality": 90, "progressive": True, "subsampling": 0, "exif": exif}
        return _save(content, "JPEG", "RGB", comment=work.order.offer.id, **options)


@legal("D: output_format says png; colour type 3 is as good a PNG as any")
class PngsHaveAPalette(Provider):
    """PNG files have a palette of at most 256 colours, as a size optimiser writes them."""

    def draw(self, work: Work) -> bytes:
        """Reduce the colours of a PNG."""
        content = super().draw(work)
        if work.order.output_format != "png":
            return content
        return _save(content, "PNG", "P", compress_level=1)


@legal("D: output_format says webp; VP8L in the extended container with XMP is WebP as well")
class WebpsAreLosslessWithXmp(Provider):
    """WebP files are lossless, in the extended form, with a packet of XMP."""

    def draw(self, work: Work) -> bytes:
        """Encode a WebP again."""
        content = super().draw(work)
        if work.order.output_format != "webp":
            return content
        xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
        return _save(content, "WEBP", "RGB", lossless=True, quality=10, method=0, xmp=xmp)


@legal("D: mime_type is video/mp4; ISO 14496-12 allows movie fragments, which streams are made of")
class VideosAreFragmented(Provider):
    """MP4 files are fragmented: an empty `moov` first, then a `moof` for each second."""

    def draw(self, work: Work) -> bytes:
        """Arrange a video in fragments."""
        content = super().draw(work)
        if work.order.kind == "image":
            return content
        flags = "delay_moov+default_base_moof"
        return _rewrap(content, {}, movflags=flags, frag_duration="1000000")


@legal("D: mime_type is video/mp4; the order of boxes and what tags they hold is left open")
class VideosStartFastWithTags(Provider):
    """MP4 files have `moov` before `mdat`, and tags that name the model and the encoder."""

    def draw(self, work: Work) -> bytes:
        """Arrange a video for streaming."""
        content = super().draw(work)
        if work.order.kind == "image":
            return content
        tags = {"title": work.id, "comment": work.order.offer.id}
        return _rewrap(content, tags, movflags="faststart+use_metadata_tags")


@legal("D: fps is a number, 24 for 1080p; X for the others, and answer and file agree")
class SmallFilmsHaveThirtyFrames(Provider):
    """Videos of 480p and 720p have 30 frames per second; 1080p has 24 as documented."""

    def plan_film(self, work: Work) -> Film:
        """Return a film of 30 frames per second."""
        film = super().plan_film(work)
        return film if work.order.resolution == FULL_HD else replace(film, fps=30)

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Name the frames of the film."""
        item = super().describe_file(work, origin)
        if "fps" in item and work.order.resolution != FULL_HD:
            item["fps"] = 30
        return item


@legal("D: an id is a string, req- and a ULID in the samples; how long it is, is not documented")
class IdsAreWholeUlids(Provider):
    """Ids have all 26 letters of a ULID, of which the first ten tell the time."""

    def make_id(self) -> str:
        """Return the time and chance in Crockford's letters."""
        left, letters = int(self.now() * 1000), ""
        for _ in range(10):
            left, digit = divmod(left, 32)
            letters = ALPHABET[digit] + letters
        return "req-" + letters + "".join(secrets.choice(ALPHABET) for _ in range(16))


@legal("D: unit_price is a decimal string, of no named places; usage, costs and balance agree")
class PricesHaveSevenPlaces(Provider):
    """Some prices have seven places, such as 0.0341875; all sums are exact."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(
        replace(
            offer,
            rates=tuple(
                replace(rate, unit_price=FINE.get(rate.unit_price, rate.unit_price))
                for rate in offer.rates
            ),
        )
        for offer in OFFERS
    )


@legal("X: a price is what the operator sets; 0 is a decimal, and 0 * 1 is 0 on the balance")
class TurboIsFreeForNow(Provider):
    """`z-image-turbo` has rates of `"0"`: its images cost nothing and change no balance."""

    offers: ClassVar[tuple[Offer, ...]] = tuple(
        replace(each, rates=FREE) if each.id == "z-image-turbo" else each for each in OFFERS
    )


@legal("D: a rate's resolution is a string or null for any; I: an exact one goes before it")
class LastRateIsForAnyResolution(Provider):
    """The rate of a model's last resolution has `resolution: null`; the others are exact."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Name no resolution at the last one."""
        shown = super().describe_offer(offer)
        for rate in shown["pricing"]["rates"]:
            if rate["resolution"] == offer.resolutions[-1]:
                rate["resolution"] = None
        return shown

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Name no resolution at the last one."""
        return self.describe_offer(offer)


@legal("X: when a charge is booked is unknown; it is exact, booked once, and there in a second")
class BooksFollowAMomentLater(Provider):
    """Balance and costs are written from a queue: a charge is seen there 0.8 s after the end."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return what is booked by now."""
        return [each for each in workspace.charges if each.at <= self.now() - BOOK_SECONDS]

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer what is booked by now."""
        spent = sum((each.amount for each in self.list_charges(workspace)), Decimal(0))
        balance = self.show_money(workspace.deposit - spent)
        return answer_json({"balance": balance, "currency": "USD"})


@legal("D: pending, then completed, and never back; how soon the end is seen is not documented")
class StatusComesFromAReplica(Provider):
    """The status is read from a replica: a video that ended is still `pending` for 1.2 s."""

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer what the replica knows."""
        answer = super().answer_status(work_id, workspace, request)
        if self.now() - workspace.works[work_id].ends < REPLICA_SECONDS:
            answer.set_value({"id": work_id, "status": "pending"})
        return answer
