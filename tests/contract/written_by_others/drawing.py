"""Draws the files: flat pictures with a few boxes, and videos of a moving box."""

from __future__ import annotations

import array
import hashlib
import io
import math
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import av
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.stream import VideoStream

CACHE: Final = Path(tempfile.gettempdir()) / "written-by-others-media"
AUDIO_RATE: Final = 44_100
SAMPLES: Final = 1024


def draw_picture(size: tuple[int, int], output_format: str, seed: str) -> bytes:
    """Return a picture whose colours come from a seed, as PNG, JPEG or WebP."""
    digest = hashlib.sha256(seed.encode("utf-8", "replace")).digest()
    picture = Image.new("RGB", size, (digest[0], digest[1], digest[2]))
    pen = ImageDraw.Draw(picture)
    for index in range(8):
        left, top = size[0] * index // 9, size[1] * (digest[index] % 8) // 9
        colour = (digest[index + 3], digest[index + 9], digest[index + 15])
        pen.rectangle((left, top, left + size[0] // 7, top + size[1] // 7), fill=colour)
    buffer = io.BytesIO()
    match output_format:
        case "png":
            picture.save(buffer, "PNG", compress_level=1)
        case "webp":
            picture.save(buffer, "WEBP", quality=70, method=0)
        case _:
            picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@dataclass(frozen=True, kw_only=True)
class Film:
    """What a video is: pixels, seconds, frames per second and seconds of sound."""

    size: tuple[int, int]
    seconds: float
    fps: int = 24
    sound_seconds: float = 0

    @property
    def name(self) -> str:
        """A file name that no other film has."""
        width, height = self.size
        return f"{width}x{height}-{self.seconds}s-{self.fps}-{self.sound_seconds}.mp4"


def _add_frames(container: OutputContainer, stream: VideoStream, film: Film) -> None:
    width, height = film.size
    count = round(film.seconds * film.fps)
    picture = Image.new("RGB", film.size, (20, 60, 120))
    for index in range(count):
        if index % film.fps == 0:
            left = (width - width // 8) * index // count
            picture.paste((200, 40 + index % 200, 60), (left, 0, left + width // 8, height // 4))
        frame = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]  # PyAV types no pictures
        frame.pts = index
        frame.time_base = Fraction(1, film.fps)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _add_sound(container: OutputContainer, stream: AudioStream, seconds: float) -> None:
    total = int(seconds * AUDIO_RATE)
    step = 440 * 2 * math.pi / AUDIO_RATE
    for start in range(0, total, SAMPLES):
        count = min(SAMPLES, total - start)
        wave = array.array("f", (math.sin(i * step) / 4 for i in range(start, start + count)))
        frame = av.AudioFrame(format="fltp", layout="mono", samples=count)
        frame.planes[0].update(wave.tobytes().ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate = AUDIO_RATE
        frame.pts = start
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _encode(film: Film) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=film.fps)
        stream.width, stream.height = film.size
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "35", "threads": "1"}
        sound = None
        if film.sound_seconds:
            sound = container.add_stream("aac", rate=AUDIO_RATE)
            sound.layout = "mono"
        _add_frames(container, stream, film)
        if sound is not None:
            _add_sound(container, sound, film.sound_seconds)
    return buffer.getvalue()


def draw_video(film: Film, seed: str) -> bytes:
    """Return an MP4. Equal films differ by a `free` box that holds a digest of the seed."""
    CACHE.mkdir(exist_ok=True)
    cached = CACHE / film.name
    if not cached.exists():
        partial = cached.with_suffix(".part")
        partial.write_bytes(_encode(film))
        partial.rename(cached)
    mark = hashlib.sha256(seed.encode("utf-8", "replace")).digest()
    return cached.read_bytes() + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark
