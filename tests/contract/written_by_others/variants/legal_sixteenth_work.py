"""Legal differences of the sixteenth batch: what the facts leave open."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, ClassVar, Final

import av
from PIL import Image

from tests.contract.written_by_others.accounts import show_time
from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.messages import Incoming, Outgoing, answer_json, refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind

BATCH: Final = 16
MARK: Final = 40  # bytes of the box at the end of a video, which tells equal films apart


# Times and links


@legal("D: `deletes_at` has milliseconds while `exp` has whole seconds; they agree to the second")
class DeletionTimesKeepMilliseconds(Provider):
    """`deletes_at` is the exact millisecond, `exp` the same without its fraction."""

    def keep_until(self, work: Work) -> float:
        """Return when a file is deleted."""
        return work.ends + self.retention

    def show_deletion(self, work: Work) -> str:
        """Return the time of deletion, not rounded."""
        return show_time(self.keep_until(work))

    def is_expired(self, work: Work, exp: str) -> bool:
        """Return whether the file is deleted."""
        del exp
        return self.now() >= self.keep_until(work)


# Models


class _FlatOffer(Offer):
    """A model that costs the same in all resolutions."""

    def describe(self) -> dict[str, Any]:
        """Return the model with one rate, for any resolution."""
        model = super().describe()
        rate = model["pricing"]["rates"][0]
        model["pricing"]["rates"] = [{**rate, "resolution": None}]
        return model


FLAT_PICTURES: Final = _FlatOffer(
    id="brush-two",
    name="Brush Two",
    type="image",
    created_at="2026-05-05T05:05:05.500Z",
    ratios=("3:2", "1:1", "2:3"),
    resolutions=("2K", "1K"),
    durations=(),
    references={"reference_image": 2},
    sound=False,
    rates=tuple(
        Rate(resolution=each, sound="not_applicable", unit_price="0.0225") for each in ("1K", "2K")
    ),
)
FLAT_FILMS: Final = _FlatOffer(
    id="reel-1",
    name="Reel 1",
    type="video",
    created_at="2026-06-06T06:06:06Z",
    ratios=("9:16", "16:9"),
    resolutions=("480p", "720p"),
    durations=(3, 6, 9),
    references={"first_frame": 1},
    sound=False,
    rates=tuple(
        Rate(resolution=each, sound="not_applicable", unit_price="0.018")
        for each in ("480p", "720p")
    ),
)


@legal("D: a rate's `resolution` may be null, which means any; availability of models changes")
class OneRateForEveryResolution(Provider):
    """Two models of other names have one rate each, whose resolution is null."""

    offers: ClassVar[tuple[Offer, ...]] = (FLAT_PICTURES, FLAT_FILMS)


PLAIN_PICTURES: Final = Offer(
    id="plain-picture",
    name="Plain Picture",
    type="image",
    created_at="2026-07-01T00:00:00.000Z",
    ratios=("1:1",),
    resolutions=("1K",),
    durations=(),
    references={},
    sound=False,
    rates=(Rate(resolution="1K", sound="not_applicable", unit_price="0.02"),),
)
PLAIN_FILMS: Final = Offer(
    id="plain-film",
    name="Plain Film",
    type="video",
    created_at="2026-07-01T00:00:00.000Z",
    ratios=("16:9",),
    resolutions=("480p",),
    durations=(4,),
    references={},
    sound=False,
    rates=(Rate(resolution="480p", sound="not_applicable", unit_price="0.10"),),
)


@legal("D: the catalogue is data, and its models change; a model need not have any choice")
class CatalogueOfTwoPlainModels(Provider):
    """One model of each kind: one ratio, one resolution, one duration, no references or sound."""

    offers: ClassVar[tuple[Offer, ...]] = (PLAIN_FILMS, PLAIN_PICTURES)


FALLBACKS: Final = Offer(
    id="seedance-v1-5-pro",
    name="Seedance 1.5 Pro",
    type="video",
    created_at="2026-04-02T10:00:00.000Z",
    ratios=("16:9", "9:16", "1:1", "4:3"),
    resolutions=("720p", "1080p", "480p"),
    durations=(5, 4, 6, 8, 10, 12),
    references={"reference_image": 4, "first_frame": 1, "last_frame": 1},
    sound=True,
    rates=(
        Rate(resolution="480p", sound="not_applicable", unit_price="0.012"),
        Rate(resolution="480p", sound="sound_on", unit_price="0.0155"),
        Rate(resolution="720p", sound="not_applicable", unit_price="0.02"),
        Rate(resolution="720p", sound="sound_on", unit_price="0.03"),
        Rate(resolution="1080p", sound="not_applicable", unit_price="0.035"),
        Rate(resolution="1080p", sound="sound_on", unit_price="0.05"),
    ),
)


@legal("D: `not_applicable` is also a fallback for videos, here for those without sound")
class SilentFilmsPayTheFallbackRate(Provider):
    """The model with sound has no `sound_off` rates: without sound, `not_applicable` is paid."""

    offers: ClassVar[tuple[Offer, ...]] = (*OFFERS[:-1], FALLBACKS)


# Orders


@legal("X: what `sound: true` does on a silent model is unknown; a refusal is one of the answers")
class SilentModelsRefuseTrueSound(Provider):
    """`sound: true` on a model without sound is 400 `invalid_parameter`; `false` is accepted."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order, unless it asks a silent model for sound."""
        order = super().read_order(body, kind)
        if order.sound and not order.offer.sound:
            message = f"Unsupported sound 'true' for model '{order.offer.id}'."
            raise refuse_value(message, "sound")
        return order


@legal("D, I: a video may fail, and `invalid_parameter` is plausible for an unfetched reference")
class UnreachableReferencesFailTheFilm(Provider):
    """A video whose reference is an HTTPS URL is accepted, and fails: it cannot be fetched."""

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Return the generation, which fails if it has something to fetch."""
        work = super().prepare(order, workspace)
        fetched = any(url[:6].lower() == "https:" for _, url in order.references)
        if order.kind == "video" and fetched:
            work.fails = work.notes["unfetched"] = True
        return work

    def describe_failure(self, work: Work) -> dict[str, Any]:
        """Return why a generation failed."""
        if "unfetched" not in work.notes:
            return super().describe_failure(work)
        return {"message": "A reference could not be fetched.", "code": "invalid_parameter"}


# Money


@legal("X: when money is taken is unknown; what is held may be shown as gone until a release")
class BalanceShowsWhatHoldsLeave(Provider):
    """The balance is without the holds of pending videos; costs are booked at completion."""

    def answer_balance(self, workspace: Workspace) -> Outgoing:
        """Answer what can still be spent."""
        available = self.compute_balance(workspace) - self.sum_held(workspace)
        return answer_json({"balance": self.show_money(available), "currency": "USD"})


@legal("D names `start` and `end` in the answer, and leaves their form open")
class CostRangesEchoedAsGiven(Provider):
    """`start` and `end` of the costs are the client's own texts, zone and all."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs of a range, with the range as it was asked for."""
        answer = super().answer_costs(workspace, request)
        asked = {name: request.query[name] for name in ("start", "end")}
        answer.set_value({**answer.value, **asked})
        return answer


@legal("D: both ends are inclusive; that charges outside of them count for their date is not said")
class ChargesCountedByTheirInstant(Provider):
    """Of the first and last date of a range, only the charges from `start` to `end` count."""

    def sum_dates(
        self, workspace: Workspace, start: datetime, end: datetime
    ) -> dict[date, Decimal]:
        """Return the costs of each date, within the instants of the range."""
        totals = super().sum_dates(workspace, start, end)
        for charge in self.list_charges(workspace):
            day = self.date_of(charge)
            if day in totals and not start.timestamp() <= charge.at <= end.timestamp():
                totals[day] -= charge.amount
        return totals


# Media

MAKERS_SIZES: Final = {
    ("1K", "16:9"): (1312, 736),
    ("1K", "9:16"): (736, 1312),
    ("2K", "16:9"): (2848, 1600),
    ("2K", "9:16"): (1600, 2848),
    ("2K", "4:3"): (2304, 1728),
    ("2K", "3:4"): (1728, 2304),
    ("2K", "3:2"): (2496, 1664),
    ("2K", "2:3"): (1664, 2496),
    ("480p", "16:9"): (864, 496),
    ("480p", "9:16"): (496, 864),
    ("720p", "1:1"): (960, 960),
}


@legal("X: pixel sizes but two are unknown; these are the makers', of about the ratio")
class SizesFromTheMakersTables(Provider):
    """2K at 16:9 is 2848x1600, 480p 864x496, and so on, as the makers of the models say."""

    def plan_size(self, order: Order) -> tuple[int, int]:
        """Return the maker's size, or the computed one."""
        return MAKERS_SIZES.get((order.resolution, order.ratio)) or super().plan_size(order)


@legal("D: the format is PNG, JPEG or WebP; each has many encodings")
class PicturesEncodedAnotherWay(Provider):
    """JPEG is progressive with a comment, PNG has an alpha channel, WebP is lossless."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file, encoded again if it is a picture."""
        content = super().draw(work)
        if work.order.kind == "video":
            return content
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(content)) as picture:
            match picture.format:
                case "PNG":
                    picture.convert("RGBA").save(buffer, "PNG", compress_level=1)
                case "WEBP":
                    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
                case _:
                    picture.save(buffer, "JPEG", progressive=True, quality=90, comment=b"made")
        return buffer.getvalue()


@legal("D: the file is `video/mp4`; a fragmented MP4 (ISO 14496-12, 8.8) is one")
class FilmsInFragments(Provider):
    """Videos are fragmented MP4 files: an empty index first, then fragments with their own."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file, a video in fragments."""
        content = super().draw(work)
        return self.fragment(content) if work.order.kind == "video" else content

    def fragment(self, content: bytes) -> bytes:
        """Return the packets of a video in a fragmented file."""
        buffer = io.BytesIO()
        flags = {"movflags": "frag_keyframe+empty_moov+default_base_moof+skip_trailer"}
        with (
            av.open(io.BytesIO(content), "r") as source,
            av.open(buffer, "w", format="mp4", options=flags) as target,
        ):
            streams = {
                each.index: target.add_stream_from_template(each)
                for each in (*source.streams.video, *source.streams.audio)
            }
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    target.mux(packet)
        return buffer.getvalue() + content[-MARK:]
