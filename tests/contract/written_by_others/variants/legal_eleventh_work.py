"""Providers that differ in files, prices, books, checks and pace, and are right."""

from __future__ import annotations

import asyncio
import io
import random
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

import av
from PIL import Image, ImageCms

from tests.contract.written_by_others.catalogue import OFFERS, Offer
from tests.contract.written_by_others.drawing import draw_picture
from tests.contract.written_by_others.messages import Incoming, Outgoing, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from tests.contract.written_by_others.accounts import Charge, Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

Options = dict[str, Any]

BATCH: Final = 11
REPLICA_SECONDS: Final = 2
FRAGMENTS: Final = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}
MARK: Final = 40
SOLE: Final = ("z-image-turbo", "seedance-v1-pro")
OPTIONAL: Final = ("aspect_ratio", "resolution", "output_format", "images", "duration", "sound")


def _price(offer: Offer, price: str) -> Offer:
    rates = tuple(replace(each, unit_price=price) for each in offer.rates)
    return replace(offer, rates=rates)


FREE: Final = replace(_price(OFFERS[0], "0.00"), id="flux-2.1-mini-preview", name="FLUX 2.1 mini")
FLAT: Final = tuple(_price(each, "0.0083125") if each.id in SOLE else each for each in OFFERS)


def _encode(content: bytes, form: str, **options: Any) -> bytes:
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0131], exif[0x0112] = "getimg.ai", 1  # Software; Orientation: as it is
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(io.BytesIO(content)) as picture:
        ready = picture.quantize(64) if form == "png" else picture
        ready.save(buffer, form, exif=exif.tobytes(), icc_profile=profile, **options)
    return buffer.getvalue()


class Encoder(Provider):
    """Encodes the pictures of one format differently."""

    form: ClassVar[str] = ""
    options: ClassVar[Options] = {}

    def draw(self, work: Work) -> bytes:
        """Encode what was drawn."""
        content = super().draw(work)
        mine = work.order.output_format == self.form
        return _encode(content, self.form, **self.options) if mine else content


@legal("D: image/jpeg is all that is said; ITU T.81 has progressive files, without subsampling too")
class JpegsAreProgressiveWithExifAgain(Encoder):
    """JPEG files are progressive, 4:4:4, with EXIF and an sRGB profile."""

    form = "jpeg"
    options: ClassVar[Options] = {"progressive": True, "subsampling": 0, "quality": 90}


@legal("D: image/png is all that is said; PNG has palettes, and optimisers make use of them")
class PngsHaveAPaletteAndProfile(Encoder):
    """PNG files have a palette of 64 colours (colour type 3), `iCCP`, `eXIf` and `pHYs`."""

    form = "png"
    options: ClassVar[Options] = {"dpi": (300, 300), "compress_level": 6}


@legal("D: image/webp is all that is said; RFC 9649 has lossless files, and extended ones")
class WebpsAreLosslessAndExtended(Encoder):
    """WebP files are `VP8X` with lossless pixels, an sRGB profile and EXIF."""

    form = "webp"
    options: ClassVar[Options] = {"lossless": True, "quality": 10, "method": 0}


@legal("D: video/mp4 is all that is said; ISO 14496-12 has movie fragments, for streaming")
class VideosAreFragmentedAgain(Provider):
    """MP4 files are fragmented: an empty `moov`, then a `moof` and an `mdat` for each part."""

    def draw(self, work: Work) -> bytes:
        """Copy the packets into fragments, but what precedes the first sound."""
        content = super().draw(work)
        if work.order.kind == "image":
            return content
        buffer = io.BytesIO()
        with (
            av.open(io.BytesIO(content)) as source,
            av.open(buffer, "w", format="mp4", options=FRAGMENTS) as target,
        ):
            streams = [target.add_stream_from_template(each) for each in source.streams]
            for packet in source.demux():  # type: ignore[union-attr]
                if packet.dts is not None and packet.dts >= 0:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
        return buffer.getvalue() + content[-MARK:]


@legal("D: data holds one or more files; each has a link of its own, and quantity is 1")
class ImagesComeWithASecondTake(Provider):
    """`data` of an image has two files of the same size and format, `.../0` and `.../1`."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Add the second file."""
        shown = super().describe_work(work, origin)
        if work.order.kind == "image":
            exp = str(self.link_expiry(work))
            place = f"{origin}/v2/downloads/{work.id}/1?exp={exp}&sig="
            url = place + self.sign(work.id, "1", exp)
            shown["data"].append({**shown["data"][0], "url": url})
        return shown

    def is_item(self, index: str) -> bool:
        """Return whether there is a file of a number."""
        return index in {"0", "1"}

    async def answer_download(self, request: Incoming) -> Outgoing:
        """Draw the second file with other colours."""
        parts = request.path.split("/")
        if parts[4:] != ["1"]:
            return await super().answer_download(request)
        work = self.open_link(parts[3], "1", request.query)
        form = work.order.output_format
        content = await asyncio.to_thread(draw_picture, work.size, form, f"second {work.id}")
        return self.answer_file(request, work, content)


# Prices, books and pace


@legal("D: resolution of a rate is null for any, unit_price any decimal; empty, not 0, is unclear")
class PricesAreFlatFineOrNought(Provider):
    """Two models have one rate of 0.0083125 with `resolution: null`; a new model is free."""

    offers: ClassVar[tuple[Offer, ...]] = (*FLAT, FREE)

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Show one rate where all are the same."""
        shown = super().describe_offer(offer)
        rates = shown["pricing"]["rates"]
        if len({each["unit_price"] for each in rates}) == 1:
            shown["pricing"]["rates"] = [{**rates[0], "resolution": None}]
        return shown

    list_offer = describe_offer


@legal("X: when the books show a charge is not documented; orders are checked against true money")
class BooksAreReadFromAReplicaAgain(Provider):
    """Balance and costs are those of two seconds ago."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges that the replica has."""
        return [each for each in workspace.charges if self.now() - each.at >= REPLICA_SECONDS]

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer the balance of the replica."""
        spent = sum((each.amount for each in self.list_charges(workspace)), Decimal(0))
        balance = self.show_money(workspace.deposit - spent)
        return answer_json({"balance": balance, "currency": "USD"})


@legal("X: how long a video takes is not documented; pending, then completed, as ever")
class VideosWaitForOneRenderer(Provider):
    """The videos of a workspace are made one after the other, in the order of submission."""

    def on_submission(self, work: Work) -> None:
        """Begin when the renderer is free."""
        super().on_submission(work)
        if work.order.kind == "video":
            notes = work.workspace.notes
            begin = max(work.created, notes.get("renderer", 0.0))
            work.ends = notes["renderer"] = begin + (work.ends - work.created) / 2


# Limits and checks


@legal("O: values vary by account, and these were seen; Retry-After and the headers tell of them")
class LimitsAreThoseOfANewAccount(Provider):
    """20 images and 20 videos a minute, and three generations at the same time."""

    per_minute: ClassVar[dict[Kind, int]] = {"image": 20, "video": 20}
    at_once: ClassVar[int] = 3


@legal("X: what null means is not documented; many frameworks take it for a field left out")
class NullsCountAsLeftOut(Provider):
    """An optional field of an order that is `null` is as if it were not there."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Leave out what is null."""
        given = {k: v for k, v in body.items() if v is not None or k not in OPTIONAL}
        return super().read_order(given, kind)


@legal("D: usage is optional on a video, required on an image; the costs tell what was spent")
class VideosTellNoUsage(Provider):
    """A completed video has no `usage`; that of an image is as ever."""

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Leave out what is optional."""
        shown = super().describe_work(work, origin)
        kept = work.order.kind == "image"
        return {name: value for name, value in shown.items() if kept or name != "usage"}


@legal("D: the list is an array of models, in no order that is documented; defaults stay first")
class ModelsAreListedInAnyOrder(Provider):
    """`GET /v2/models` has the models in another order at each call, as maps of some languages."""

    def answer_models(self, request: Incoming) -> Outgoing:
        """Shuffle the models."""
        shown = super().answer_models(request).value
        return answer_json(random.sample(shown, len(shown)))
