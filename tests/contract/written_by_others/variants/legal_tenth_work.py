"""Providers whose files, links, books, limits and models are other ones, all of them right."""

from __future__ import annotations

import hmac
import io
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final

import av
from PIL import Image

from tests.contract.written_by_others.accounts import show_time
from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.drawing import draw_picture
from tests.contract.written_by_others.messages import Outgoing, RefusedError, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.contract.written_by_others.accounts import Charge, Work, Workspace
    from tests.contract.written_by_others.drawing import Film

BATCH: Final = 10
FRAGMENTS: Final = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}


def _save(content: bytes, mode: str, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert(mode, palette=Image.Palette.ADAPTIVE).save(buffer, kind, **options)
    return buffer.getvalue()


@dataclass(frozen=True, kw_only=True)
class FlatOffer(Offer):
    """A model with one price for any resolution."""

    def describe(self) -> dict[str, Any]:
        """Return the model; the resolution of its rate is null."""
        shown = super().describe()
        for rate in shown["pricing"]["rates"]:
            rate["resolution"] = None
        return shown

    def find_price(self, resolution: str, *, sound: bool) -> Decimal:
        """Return the one price."""
        return Decimal(self.rates[0].unit_price)


def _make_flat(like: Offer, name: str, price: str) -> Offer:
    rate = Rate(resolution="", sound="not_applicable", unit_price=price)
    return FlatOffer(**{**vars(like), "id": name, "name": name.title(), "rates": (rate,)})


@legal("D: /v2/downloads/{id}/{item}?exp&sig with sig in hex; its length and case are left open")
class SignaturesAreLongAndInCapitals(Provider):
    """`sig` is SHA-512 in 128 hexadecimal digits, `A` to `F` in capitals."""

    def sign(self, work_id: str, index: str, exp: str) -> str:
        """Return the long signature."""
        return hmac.digest(self.secret, f"{work_id}/{index}?{exp}".encode(), "sha512").hex().upper()


@legal("X: the statuses of wrong, expired and unknown links are not known; one for all tells least")
class BadLinksAreAllForbidden(Provider):
    """A download is 403 for whatever is wrong: signature, time, item or generation."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Tell nothing of why."""
        try:
            return super().open_link(work_id, index, query)
        except RefusedError:
            raise RefusedError(403, "invalid_signature", "The link is not valid.") from None


@legal("X: retention; I: exp is deletes_at, here rounded down, as unix seconds have no fraction")
class DeletionTimesHaveMilliseconds(Provider):
    """Files are kept a week; `deletes_at` has milliseconds, and links work until that instant."""

    retention: ClassVar[int] = 7 * 24 * 3600

    def deleted_at(self, work: Work) -> float:
        """Return when the file is deleted."""
        return work.expires + work.number % 89 * 11 / 1000 + 0.001

    def show_deletion(self, work: Work) -> str:
        """Show the milliseconds."""
        return show_time(self.deleted_at(work))

    def is_expired(self, work: Work, exp: str) -> bool:
        """Return whether the instant has come."""
        return self.now() >= self.deleted_at(work)


@legal("D: output_format jpeg is all that is said; ITU-T T.81 has progressive scans, Exif a place")
class JpegsAreProgressiveWithExif(Provider):
    """JPEG files are progressive, 4:4:4, with Exif (program, upright), a density and a comment."""

    def draw(self, work: Work) -> bytes:
        """Save it as photographers do."""
        content = super().draw(work)
        if work.order.output_format != "jpeg":
            return content
        exif = Image.Exif()
        exif[0x0112], exif[0x0131] = 1, "getimg.ai"
        options = {"progressive": True, "subsampling": 0, "dpi": (300, 300), "comment": work.id}
        return _save(content, "RGB", "JPEG", quality=92, exif=exif, **options)


@legal("D: output_format says png or webp; a palette and lossless WebP are forms of these formats")
class SmallPngsAndLosslessWebps(Provider):
    """PNG files have a palette, as an optimiser makes it; WebP files are lossless (`VP8L`)."""

    def draw(self, work: Work) -> bytes:
        """Save it smaller."""
        if work.order.output_format not in {"png", "webp"}:
            return super().draw(work)
        content = draw_picture(self.drawn_size(work), "png", work.id)
        if work.order.output_format == "png":
            return _save(content, "P", "PNG", compress_level=4)
        return _save(content, "RGB", "WEBP", lossless=True, quality=0, method=0)


@legal("D: video/mp4 is all that is said; ISO 14496-12 8.8 has movie fragments, players read them")
class FilmsComeInFragments(Provider):
    """MP4 files are fragmented: a `moov` without frames, then `moof` and `mdat`."""

    def draw(self, work: Work) -> bytes:
        """Put the same frames and sound into fragments."""
        content, buffer = super().draw(work), io.BytesIO()
        if work.order.kind != "video":
            return content
        with (
            av.open(io.BytesIO(content)) as old,
            av.open(buffer, "w", format="mp4", options=FRAGMENTS) as new,
        ):
            new.metadata["comment"] = work.id
            streams = {each.index: new.add_stream_from_template(each) for each in old.streams}
            for packet in old.demux():  # type: ignore[union-attr]
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    new.mux(packet)
        return buffer.getvalue()


@legal("D: 24 frames per second are of 1080p; fps is a number, which the answer and the file share")
class SmallVideosHaveThirtyFrames(Provider):
    """Videos of 480p and 720p have 30 frames per second, those of 1080p 24."""

    def plan_film(self, work: Work) -> Film:
        """Return a film with more frames."""
        film = super().plan_film(work)
        return film if work.order.resolution == "1080p" else replace(film, fps=30)

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Name the frames per second."""
        item = super().describe_file(work, origin)
        return {**item, "fps": 30} if work.order.resolution in {"480p", "720p"} else item


@legal("X: when is not known; what has been taken at the end is total_cost, or nothing on failure")
class HalfIsPaidInAdvance(Provider):
    """Half of a video is charged at the order, and half at the end; a failure gives it back."""

    def on_submission(self, work: Work) -> None:
        """Charge a half."""
        if work.order.kind == "video":
            self.charge(work, self.compute_cost(work) / 2)

    def on_completion(self, work: Work) -> None:
        """Charge the rest."""
        parts = 2 if work.order.kind == "video" else 1
        self.charge(work, self.compute_cost(work) / parts)

    def on_failure(self, work: Work) -> None:
        """Give the half back."""
        self.charge(work, -self.compute_cost(work) / 2)

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Return the halves that are still to be paid."""
        return super().sum_held(workspace) / 2


@legal("X: when a charge shows is not known; books of two seconds ago are soon those of now")
class BooksAreReadFromAReplica(Provider):
    """Balance and costs are read from a replica that is two seconds late; orders are not."""

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return what the replica has."""
        return [each for each in workspace.charges if each.at <= self.now() - 2]

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer what is left by the replica."""
        spent = sum((each.amount for each in self.list_charges(workspace)), Decimal(0))
        left = workspace.deposit - spent
        return answer_json({"balance": self.show_money(left), "currency": "USD"})


@legal("D: balance and catalogue prices are decimal strings; how many places they have is open")
class MoneyHasSixPlaces(Provider):
    """Decimal strings have six places: `"balance": "499.960000"`, `"unit_price": "0.040000"`."""

    def show_money(self, amount: Decimal) -> str:
        """Show all places of the column."""
        return f"{amount:.6f}"

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Show all places of prices."""
        shown = offer.describe()
        for rate in shown["pricing"]["rates"]:
            rate["unit_price"] = f"{Decimal(rate['unit_price']):.6f}"
        return shown

    list_offer = describe_offer


@legal("D: a rate's resolution may be null, for any; a price of 0 is a price; models come and go")
class MoreModelsWithFlatAndFreePrices(Provider):
    """Thirty more models: flat rates whose resolution is null, and a free preview, listed first."""

    offers: ClassVar[tuple[Offer, ...]] = (
        _make_flat(OFFERS[2], "canvas-preview", "0.00"),
        *OFFERS,
        _make_flat(OFFERS[3], "motion-1.5-flat", "0.0085"),
        *(_make_flat(OFFERS[1], f"canvas-{number}.1", f"0.0{number}") for number in range(10, 38)),
    )
