"""The seventeenth batch of legal services: other ways of doing the work."""

from __future__ import annotations

import array
import io
import math
import tempfile
import uuid
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import av
from PIL import Image, ImageCms

from tests.contract.written_by_others.catalogue import OFFERS, Offer, Rate
from tests.contract.written_by_others.messages import RefusedError, refuse_unknown, refuse_value
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.quotas import WINDOW
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from tests.contract.written_by_others.accounts import Order, Work, Workspace
    from tests.contract.written_by_others.catalogue import Kind
    from tests.contract.written_by_others.drawing import Film
    from tests.contract.written_by_others.messages import Incoming, Outgoing

BATCH: Final = 17
DAY: Final = 24 * 3600
CACHE: Final = Path(tempfile.gettempdir()) / "written-by-others-vp9"
STEREO_RATE: Final = 48_000
SAMPLES: Final = 1024
MAKERS_SIZES: Final[dict[tuple[str, str], tuple[int, int]]] = {
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


@legal("D: width, height, duration and fps of a video are optional and nullable")
class VideoFactsAreNullUnlessProbed(Provider):
    """The item of a video has null for width, height, duration and fps."""

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Return the item without what was not probed."""
        item = super().describe_file(work, origin)
        if work.order.kind == "video":
            item |= dict.fromkeys(("width", "height", "duration", "fps"))
        return item


@legal("X: how long files are kept is open; exp equals deletes_at, and both hold")
class FilesAreSweptAtMidnight(Provider):
    """A file is kept until the first midnight in UTC that is a whole day away."""

    def end(self, work: Work) -> None:
        """End a generation, and plan the sweep of its file."""
        super().end(work)
        work.expires = (math.ceil(work.ends / DAY) + 1) * DAY


def _add_frames(container: OutputContainer, stream: VideoStream, film: Film) -> None:
    picture = Image.new("RGB", film.size, (70, 30, 90))
    for index in range(round(film.seconds * film.fps)):
        if index % film.fps == 0:
            left = film.size[0] * index // round(film.seconds * film.fps)
            picture.paste((240, 200, index % 200), (left, 0, left + 64, 64))
        frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # PyAV types no pictures
        frame.pts = index
        frame.time_base = Fraction(1, film.fps)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _add_stereo(container: OutputContainer, stream: AudioStream, seconds: float) -> None:
    step = 330 * 2 * math.pi / STEREO_RATE
    total = int(seconds * STEREO_RATE)
    for start in range(0, total, SAMPLES):
        count = min(SAMPLES, total - start)
        wave = array.array("f", (math.sin(i * step) / 5 for i in range(start, start + count)))
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=count)
        for plane in frame.planes:
            plane.update(wave.tobytes().ljust(plane.buffer_size, b"\0"))
        frame.sample_rate = STEREO_RATE
        frame.pts = start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@legal("D: video/mp4, which may hold VP9; no codec is named, nor the rate of the sound")
class VideosAreVp9WithStereoSound(Provider):
    """Videos are MP4 with VP9 and, where there is sound, AAC in stereo at 48 kHz."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file, a video in another codec."""
        if work.order.kind != "video":
            return super().draw(work)
        film = self.plan_film(work)
        CACHE.mkdir(exist_ok=True)
        cached = CACHE / film.name
        if not cached.exists():
            partial = cached.with_suffix(f".{work.id}")
            partial.write_bytes(self.encode_film(film))
            partial.rename(cached)
        mark = work.id.encode()
        return cached.read_bytes() + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark

    def encode_film(self, film: Film) -> bytes:
        """Return a film as VP9."""
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as container:
            stream = container.add_stream("libvpx-vp9", rate=film.fps)
            stream.width, stream.height = film.size
            stream.pix_fmt = "yuv420p"
            stream.options = {"deadline": "realtime", "cpu-used": "8", "crf": "40", "b": "0"}
            sound = None
            if film.sound_seconds:
                sound = container.add_stream("aac", rate=STEREO_RATE)
                sound.layout = "stereo"
            _add_frames(container, stream, film)
            if sound is not None:
                _add_stereo(container, sound, film.sound_seconds)
        return buffer.getvalue()


@legal("the format and the size are as asked; how a format is used inside is left open")
class PicturesAreProgressiveWithProfiles(Provider):
    """JPEG is progressive, PNG has alpha, WebP is lossless; all carry EXIF and a profile."""

    def draw(self, work: Work) -> bytes:
        """Return the bytes of a file, a picture in another encoding."""
        content = super().draw(work)
        if work.order.kind == "video":
            return content
        with Image.open(io.BytesIO(content)) as picture:
            return self.encode_picture(picture, work.order.output_format)

    def encode_picture(self, picture: Image.Image, output_format: str) -> bytes:
        """Return a picture with a profile and the name of its maker."""
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        exif = Image.Exif()
        exif[0x0131] = "getimg.ai"
        buffer = io.BytesIO()
        match output_format:
            case "png":
                whole = picture.convert("RGBA")
                whole.save(buffer, "PNG", compress_level=1, icc_profile=profile, exif=exif)
            case "webp":
                options = {"lossless": True, "quality": 0, "method": 0}
                picture.save(buffer, "WEBP", icc_profile=profile, exif=exif, **options)
            case _:
                options = {"progressive": True, "quality": 80}
                picture.save(buffer, "JPEG", icc_profile=profile, exif=exif, **options)
        return buffer.getvalue()


@legal("X: pixel sizes other than 1080p 16:9 and 2K 1:1 are open; these are the makers'")
class SizesComeFromTheMakersTables(Provider):
    """Pixels follow the makers' tables: 2K 16:9 is 2848x1600, 720p 1:1 is 960x960."""

    def plan_size(self, order: Order) -> tuple[int, int]:
        """Return the size of the maker's table, where it has one."""
        key = (order.resolution, order.ratio)
        return MAKERS_SIZES.get(key) or super().plan_size(order)


FLAT: Final = Offer(
    id="z-image-turbo",
    name="Z-Image Turbo",
    type="image",
    created_at="2026-01-20T08:30:00.000Z",
    ratios=("1:1", "16:9", "9:16", "3:2", "2:3"),
    resolutions=("1K", "2K"),
    durations=(),
    references={},
    sound=False,
    rates=(
        Rate(resolution="1K", sound="not_applicable", unit_price="0.006"),
        Rate(resolution="2K", sound="not_applicable", unit_price="0.006"),
    ),
)


@legal("D: the resolution of a rate may be null, which means any")
class FlatPricesNameNoResolution(Provider):
    """A model of one price lists one rate with a null resolution."""

    offers = tuple(FLAT if each.id == FLAT.id else each for each in OFFERS)

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model with its flat price."""
        shown = super().describe_offer(offer)
        rates = shown["pricing"]["rates"]
        if len({(rate["sound"], rate["unit_price"]) for rate in rates}) == 1:
            shown["pricing"]["rates"] = [{**rates[0], "resolution": None}]
        return shown

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model of the list with its flat price."""
        return self.describe_offer(offer)


def _flat_image(resolutions: tuple[str, ...], price: str) -> tuple[Rate, ...]:
    return tuple(
        Rate(resolution=each, sound="not_applicable", unit_price=price) for each in resolutions
    )


SEASON: Final = (
    Offer(
        id="gpt-image-2.5-flare",
        name="GPT Image 2.5 \u201cFlare\u201d",
        type="image",
        created_at="2026-09-14T18:00:00+02:00",
        ratios=("4:5", "1:1", "21:9", "5:4"),
        resolutions=("2K", "1K"),
        durations=(),
        references={"reference_image": 3},
        sound=False,
        rates=_flat_image(("1K", "2K"), "0.0125"),
    ),
    Offer(
        id="wan-3-0",
        name="Wan 3.0",
        type="video",
        created_at="2026-10-01T00:00:00Z",
        ratios=("9:16", "16:9"),
        resolutions=("768p", "1080p"),
        durations=(3, 6, 9),
        references={"first_frame": 1, "last_frame": 1},
        sound=True,
        rates=(
            Rate(resolution="768p", sound="not_applicable", unit_price="0.0375"),
            Rate(resolution="1080p", sound="sound_off", unit_price="0.06"),
            Rate(resolution="1080p", sound="sound_on", unit_price="0.075"),
        ),
    ),
)


@legal("the catalogue is data and changes: other models, ratios, resolutions and durations")
class CatalogueIsOfAnotherSeason(Provider):
    """Two models alone: one with a dot in its id, one of 768p and 3, 6 or 9 seconds."""

    offers = SEASON


@legal("X: whether the window is fixed or slides is unknown; it is 60 s long")
class WindowSlidesWithTheOldestOrder(Provider):
    """Orders of the last 60 s count, and the reset is when the oldest of them leaves."""

    def start_of_window(self) -> float:
        """Return the time a minute ago."""
        return self.now() - WINDOW

    def reset_at(self, workspace: Workspace, kind: Kind) -> int:
        """Return the unix second at which the oldest order leaves the window."""
        begin = self.start_of_window()
        counted = [at for at in workspace.started[kind] if at >= begin]
        return math.ceil(min(counted, default=self.now()) + WINDOW)


@legal("X: what `sound: true` does on a silent model is unknown; sound: false is accepted")
class SilentModelsRefuseSoundAsAField(Provider):
    """A model without sound refuses `sound: true` by `invalid_parameter`; `false` is fine."""

    def read_order(self, body: dict[str, Any], kind: Kind) -> Order:
        """Return the order of a body, without sound where there is none."""
        order = super().read_order(body, kind)
        if order.sound and not order.offer.sound:
            message = f"Sound is not supported by model '{order.offer.id}'."
            raise refuse_value(message, "sound")
        return order


@legal("an id is a string that names a generation; its form is an example")
class IdsAreWholeUuids(Provider):
    """The ids of generations are `req-` and a UUID."""

    def make_id(self) -> str:
        """Return a random id."""
        return f"req-{uuid.uuid4()}"


@legal("D: start and end are given back, in ISO 8601; in which zone is not said")
class CostsEchoTheCallersZone(Provider):
    """`start` and `end` of the costs are given back in the zone in which they were sent."""

    def answer_costs(self, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the costs with the caller's times."""
        answer = super().answer_costs(workspace, request)
        times = {
            name: datetime.fromisoformat(request.query[name]).isoformat()
            for name in ("start", "end")
        }
        answer.set_value({**answer.value, **times})
        return answer


@legal("X: the statuses of refused links are open; the error envelope is kept")
class RefusedLinksAllLookUnknown(Provider):
    """A tampered or expired link is answered 404 `not_found`, like one of no file."""

    def open_link(self, work_id: str, index: str, query: Mapping[str, str]) -> Work:
        """Return the generation of a link, or tell nothing about it."""
        try:
            return super().open_link(work_id, index, query)
        except RefusedError:
            raise refuse_unknown("The file was not found.") from None
