"""Legal differences of the work: encodings, the ledger's pace, times, models and queues."""

from __future__ import annotations

import io
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Final

import av
from PIL import Image

from tests.contract.written_by_others.accounts import Charge, Work, Workspace, show_time
from tests.contract.written_by_others.catalogue import Offer, Rate
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

BATCH: Final = 20
MARK_SIZE: Final = 40
LEDGER_SECONDS: Final = 1.0
FRAGMENTS: Final = "frag_keyframe+delay_moov+default_base_moof+skip_trailer"


@legal("The facts name the formats only: PNG, JPEG and WebP may be of any kind")
class PicturesUseUncommonEncodings(Provider):
    """JPEG is progressive, PNG has a palette, WebP is lossless; sizes are as promised."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes, encoded in another way."""
        content = super().draw(work)
        if work.order.kind == "video":
            return content
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(content)) as picture:
            match work.order.output_format:
                case "png":
                    picture.quantize(64).save(buffer, "PNG", compress_level=1)
                case "webp":
                    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
                case _:
                    picture.save(buffer, "JPEG", quality=80, progressive=True)
        return buffer.getvalue()


def _fragment(content: bytes) -> bytes:
    buffer = io.BytesIO()
    options = {"movflags": FRAGMENTS}
    with (
        av.open(io.BytesIO(content), "r") as source,
        av.open(buffer, "w", format="mp4", options=options) as target,
    ):
        streams = {each.index: target.add_stream_from_template(each) for each in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    return buffer.getvalue()


@legal("ISO 14496-12: an MP4 may have its samples in fragments, as those of streaming encoders")
class VideosComeInFragments(Provider):
    """Videos are fragmented MP4: `moov` has no samples, each key frame begins a `moof`."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes; a video is cut into fragments, and keeps its mark at the end."""
        content = super().draw(work)
        if work.order.kind == "image":
            return content
        return _fragment(content) + content[-MARK_SIZE:]


@legal("X: when a charge is booked is unknown; a ledger that follows within a second is common")
class BooksEachChargeASecondLater(Provider):
    """Balance and costs show a charge one second after its generation ended; 402 is exact."""

    def list_late(self, workspace: Workspace) -> list[Charge]:
        """Return the charges that are not booked yet."""
        return [each for each in workspace.charges if self.now() - each.at < LEDGER_SECONDS]

    def list_charges(self, workspace: Workspace) -> list[Charge]:
        """Return the charges that are booked."""
        late = self.list_late(workspace)
        return [each for each in super().list_charges(workspace) if each not in late]

    def compute_balance(self, workspace: Workspace) -> Decimal:
        """Return the balance without the charges that are not booked yet."""
        late = sum((each.amount for each in self.list_late(workspace)), Decimal(0))
        return super().compute_balance(workspace) + late

    def sum_held(self, workspace: Workspace) -> Decimal:
        """Return what is held, the charges that are not booked yet included."""
        late = sum((each.amount for each in self.list_late(workspace)), Decimal(0))
        return super().sum_held(workspace) + late


@dataclass(frozen=True, kw_only=True)
class _FlatRateOffer(Offer):
    """A model that has one price for all resolutions."""

    def describe(self) -> dict[str, Any]:
        """Return the model; its rates are for any resolution."""
        described = super().describe()
        for rate in described["pricing"]["rates"]:
            rate["resolution"] = None
        return described

    def find_price(self, resolution: str, *, sound: bool) -> Decimal:
        """Return the price of a unit."""
        del resolution
        return super().find_price("any", sound=sound)


OTHER_OFFERS: Final = (
    _FlatRateOffer(
        id="lumen-2.1",
        name="Lumen 2.1",
        type="image",
        created_at="2026-06-11T07:15:00.000Z",
        ratios=("3:2", "1:1", "16:9", "9:16"),
        resolutions=("1K", "2K"),
        durations=(),
        references={"reference_image": 3},
        sound=False,
        rates=(Rate(resolution="any", sound="not_applicable", unit_price="0.021"),),
    ),
    _FlatRateOffer(
        id="lumen-2.1-sketch",
        name="Lumen 2.1 Sketch",
        type="image",
        created_at="2026-06-11T07:15:00.000Z",
        ratios=("1:1", "3:2"),
        resolutions=("1K",),
        durations=(),
        references={},
        sound=False,
        rates=(Rate(resolution="any", sound="not_applicable", unit_price="0.0035"),),
    ),
    _FlatRateOffer(
        id="reel-4",
        name="Reel 4",
        type="video",
        created_at="2026-07-01T12:00:00.000Z",
        ratios=("16:9", "9:16"),
        resolutions=("720p", "1080p"),
        durations=(8, 4, 12),
        references={"first_frame": 1, "last_frame": 1, "reference_image": 3},
        sound=True,
        rates=(
            Rate(resolution="any", sound="sound_on", unit_price="0.04"),
            Rate(resolution="any", sound="not_applicable", unit_price="0.025"),
        ),
    ),
    _FlatRateOffer(
        id="reel-4-turbo",
        name="Reel 4 Turbo",
        type="video",
        created_at="2026-07-01T12:00:00.000Z",
        ratios=("16:9",),
        resolutions=("480p",),
        durations=(6,),
        references={"first_frame": 1},
        sound=False,
        rates=(Rate(resolution="any", sound="not_applicable", unit_price="0.008"),),
    ),
)


@legal("The catalogue is data; `resolution: null` is any, `not_applicable` a fallback for videos")
class SellsOtherModelsAtFlatRates(Provider):
    """Other models, whose rates have `resolution: null`; silent videos by the fallback rate."""

    offers: ClassVar[tuple[Offer, ...]] = OTHER_OFFERS


@legal("X: retention is open; `deletes_at` has milliseconds (D), `exp` is its whole second")
class DeletesAtFractionsOfASecond(Provider):
    """Files are kept three days to the millisecond, and `exp` is `deletes_at` rounded down."""

    retention: ClassVar[int] = 72 * 3600

    def show_deletion(self, work: Work) -> str:
        """Return when the file is deleted, to the millisecond."""
        return show_time(work.ends + self.retention)

    def is_expired(self, work: Work, exp: str) -> bool:
        """Return whether the file is deleted."""
        del exp
        return self.now() >= work.ends + self.retention


@legal("X: how long a video takes is open; a queue before few workers is common")
class TwoWorkersMakeAllVideos(Provider):
    """Two videos are made at the same time; the others wait as `pending` for their turn."""

    def on_submission(self, work: Work) -> None:
        """Give a video to the worker that is free first."""
        super().on_submission(work)
        if work.order.kind != "video":
            return
        workers: list[float] = self.notes.setdefault("workers", [0.0, 0.0])
        first = workers.index(min(workers))
        work.ends = max(self.now(), workers[first]) + self.plan_seconds(work.order)
        workers[first] = work.ends
