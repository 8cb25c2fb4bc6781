"""Providers whose videos are encoded in other legal ways."""

from __future__ import annotations

import array
import io
import math
import secrets
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, cast

import av
from PIL import Image

from tests.contract.written_by_others.drawing import CACHE, Film
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from tests.contract.written_by_others.accounts import Order, Work

BATCH: Final = 14
NTSC: Final = Fraction(30_000, 1001)
FILM: Final = Fraction(24)
SOUND_RATE: Final = 48_000
SAMPLES: Final = {"aac": 1024, "libopus": 960}
TONE: Final = 440 * 2 * math.pi / SOUND_RATE


def _add_frames(
    container: OutputContainer, stream: VideoStream, film: Film, rate: Fraction
) -> None:
    count = round(film.seconds * rate)
    width, height = film.size
    frame = None
    for index in range(count):
        if frame is None or index % film.fps == 0:
            picture = Image.new("RGB", film.size, (20, 60, 120))
            left = (width - width // 8) * index // count
            picture.paste((200, 40 + index % 200, 60), (left, 0, left + width // 8, height // 4))
            frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # as in drawing
        frame.pts = index
        frame.time_base = 1 / rate
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _add_sound(container: OutputContainer, stream: AudioStream, film: Film) -> None:
    total, step = int(film.sound_seconds * SOUND_RATE), SAMPLES[stream.codec_context.name]
    for start in range(0, total, step):
        count = min(step, total - start)
        wave = array.array("f", (math.sin(i * TONE) / 4 for i in range(start, start + count)))
        form = stream.codec_context.format.name
        frame = av.AudioFrame(format=form, layout="mono", samples=count)
        frame.planes[0].update(wave.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.pts = SOUND_RATE, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _encode(film: Film, codec: str, rate: Fraction, sound: str) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = cast("VideoStream", container.add_stream(codec, rate=rate))
        stream.width, stream.height = film.size
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "35", "threads": "1"}
        if codec == "libx265":
            stream.codec_context.codec_tag = "hvc1"
            stream.options = {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"}
        track: AudioStream | None = None
        if film.sound_seconds:
            track = cast("AudioStream", container.add_stream(sound, rate=SOUND_RATE))
            track.layout, track.format = "mono", "flt" if sound == "libopus" else "fltp"
        _add_frames(container, stream, film, rate)
        if track is not None:
            _add_sound(container, track, film)
    return buffer.getvalue()


def _record(film: Film, seed: str, codec: str, rate: Fraction, sound: str) -> bytes:
    name = f"{codec}-{rate.numerator}-{sound}-{film.name}"
    CACHE.mkdir(exist_ok=True)
    if not (CACHE / name).exists():
        partial = CACHE / f"{name}.{secrets.token_hex(4)}"
        partial.write_bytes(_encode(film, codec, rate, sound))
        partial.rename(CACHE / name)
    return (
        (CACHE / name).read_bytes() + (8 + len(seed)).to_bytes(4, "big") + b"free" + seed.encode()
    )


@legal("D: a video is video/mp4; which codecs is not documented, and MP4RA has hvc1 and Opus")
class FilmsAreHevcWithOpus(Provider):
    """Videos are H.265 in MP4 (`hvc1`), and their sound is Opus at 48 kHz."""

    def draw(self, work: Work) -> bytes:
        """Use the newer codecs."""
        if work.order.kind != "video":
            return super().draw(work)
        return _record(self.plan_film(work), work.id, "libx265", FILM, "libopus")


@legal("D: fps is a number, not a whole one, and 24 at 1080p; X: what it is below that")
class SmallFilmsRunAtTheRateOfNtsc(Provider):
    """Videos of 480p and 720p have 30000/1001 frames a second, and `fps` says 29.97."""

    def is_small(self, order: Order) -> bool:
        """Return whether a video has fewer lines than 1080."""
        return order.kind == "video" and order.resolution != "1080p"

    def draw(self, work: Work) -> bytes:
        """Draw more frames."""
        if not self.is_small(work.order):
            return super().draw(work)
        return _record(self.plan_film(work), work.id, "libx264", NTSC, "aac")

    def describe_file(self, work: Work, origin: str) -> dict[str, Any]:
        """Name the rate."""
        item = super().describe_file(work, origin)
        return {**item, "fps": 29.97} if self.is_small(work.order) else item
