"""The film behind a video: a few key frames of its poster, and a bar that grows between them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from io import BytesIO
from itertools import count
from math import ceil
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace
from PIL import ImageDraw

from getimg_mock.media import audio, h264
from getimg_mock.media.mp4 import with_index_first
from getimg_mock.media.posters import Poster, draw_poster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.audio.stream import AudioStream
    from av.video.stream import VideoStream

    Timed = tuple[float, av.Packet[Any]]  # in seconds from the beginning

_ENCODER: Final = {
    "preset": "ultrafast",  # without CABAC, B frames and weights, as h264.following_frame needs
    "tune": "zerolatency",  # one frame in, one packet out
    "qp": "20",  # the same for each key frame, so that the poster does not flicker
    "forced-idr": "1",
    "x264-params": "keyint=infinite:scenecut=0",
    "colorspace": "bt709",
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "color_range": "tv",
}
_KEY_FRAME_EVERY: Final = 2.0  # seconds; what a player has to decode at most after a jump
_MOST_KEY_FRAMES: Final = 40
_SMALLEST_WITH_BAR: Final = 96
_THINNEST_BAR: Final = 6
_LONGEST_SHIFT: Final = 256  # pixels from frame to frame; x264 promises decoders not much more
_SOUND_BITS: Final = 64_000


@dataclass(frozen=True, slots=True)
class Film:
    """A poster shown for `frames` frames at `fps` frames per second."""

    poster: Poster
    frames: int
    fps: Fraction
    has_sound: bool

    @property
    def bar(self) -> Bar | None:
        """The bar that shows how far the film has come; None where there is no room for it."""
        return fit_bar(self.poster.width, self.poster.height)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar along the lower edge, one row of macroblocks high or what is visible of it."""

    row: int
    width: int
    height: int

    @property
    def top(self) -> int:
        """The uppermost line of the bar."""
        return self.row * h264.MACROBLOCK

    def count_lit(self, shown: int, of: int) -> int:
        """Return how many pixels are lit in the last of `shown` frames, always an even number.

        Some always are: that is what the following frame copies from.
        """
        return max(h264.MACROBLOCK, 2 * -(-self.width * shown // of // 2))

    def compute_growth(self, shown: int, of: int) -> h264.Shift:
        """Return the shift that makes the frame after `shown` frames out of the one before it."""
        before, after = self.count_lit(shown, of), self.count_lit(shown + 1, of)
        end = -(-min(after, self.width) // h264.MACROBLOCK)
        return h264.Shift(row=self.row, first=before // h264.MACROBLOCK, end=end, by=after - before)


def fit_bar(width: int, height: int) -> Bar | None:
    """Return the bar for a film of this size, or None when the film is too small for one."""
    if min(width, height) < _SMALLEST_WITH_BAR:
        return None
    row = (height - _THINNEST_BAR) // h264.MACROBLOCK
    return Bar(row, width, min(h264.MACROBLOCK, height - row * h264.MACROBLOCK))


def choose_pixel_format(width: int, height: int) -> str:
    """Return how pixels are stored: 4:2:0, which every player knows, unless a side is odd."""
    return "yuv444p" if width % 2 or height % 2 else "yuv420p"


def encode_film(film: Film) -> bytes:
    """Return `film` as an MP4 file, H.264 and (with sound) AAC, with its index first."""
    file = BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        picture = container.add_stream("libx264", rate=film.fps, options=_ENCODER)
        picture.width, picture.height = film.poster.width, film.poster.height
        picture.pix_fmt = choose_pixel_format(film.poster.width, film.poster.height)
        picture.codec_context.thread_count = 1  # their number changes what x264 writes
        tracks = [_encode_pictures(picture, film)]
        if film.has_sound:
            sound = container.add_stream("aac", rate=audio.RATE, layout="mono")
            tracks.append(_encode_sound(sound, film))
        for _, packet in merge(*tracks, key=itemgetter(0)):
            container.mux_one(packet)
    return with_index_first(file.getvalue())


def _encode_pictures(stream: VideoStream, film: Film) -> Iterator[Timed]:
    starts = _place_key_frames(film)
    frame = _draw_first_frame(stream, film)
    bar = film.bar
    for start, end in zip(starts, [*starts[1:], film.frames], strict=True):
        if bar is not None:
            _light(frame, bar, bar.count_lit(start + 1, film.frames))
        frame.pts, frame.pict_type = start, PictureType.I
        (packet,) = stream.encode(frame)
        packet.duration = 1
        yield float(start / film.fps), packet
        known = h264.parse_headers(stream.codec_context.extradata or b"")
        for number in range(start + 1, end):
            shift = None if bar is None else bar.compute_growth(number, film.frames)
            data = h264.write_following_frame(known, number - start, shift)
            yield _build_packet(stream, data, number, 1, 1 / film.fps)


def _place_key_frames(film: Film) -> list[int]:
    """Return the numbers of the key frames, evenly spread; the first is 0."""
    seconds = film.frames / film.fps
    wanted = min(_MOST_KEY_FRAMES, ceil(seconds / _KEY_FRAME_EVERY), film.frames)
    if film.frames * _LONGEST_SHIFT < film.poster.width:
        wanted = film.frames
    return [index * film.frames // wanted for index in range(wanted)]


def _draw_first_frame(stream: VideoStream, film: Film) -> av.VideoFrame:
    """Return the poster with an empty bar, in the pixels that the encoder takes."""
    image = draw_poster(film.poster)
    bar = film.bar
    if bar is not None:
        across = (0, bar.top, bar.width, bar.top + bar.height - 1)
        ImageDraw.Draw(image).rectangle(across, fill=film.poster.palette.line)
        lit = (0, bar.top, 1, bar.top + bar.height - 1)
        ImageDraw.Draw(image).rectangle(lit, fill=film.poster.palette.ink)
    frame: av.VideoFrame = av.VideoFrame.from_image(image)  # type: ignore[no-untyped-call]
    return frame.reformat(
        format=stream.pix_fmt, dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )


def _light(frame: av.VideoFrame, bar: Bar, lit: int) -> None:
    """Light the first `lit` pixels of the bar, in the colour that the very first ones have."""
    for plane in frame.planes:
        part = frame.width // plane.width  # 2 where one sample of colour serves two pixels
        across = min(lit // part, plane.width)
        pixels = memoryview(plane).cast("B")
        for line in range(bar.top // part, plane.height):
            if line * part < bar.top + bar.height:
                at = line * plane.line_size
                pixels[at : at + across] = bytes(pixels[at : at + 1]) * across


def _encode_sound(stream: AudioStream, film: Film) -> Iterator[Timed]:
    stream.bit_rate = _SOUND_BITS
    samples = round(film.frames / film.fps * audio.RATE)
    sound = audio.encode_tone(stream, samples, film.poster.seed)
    for start, data in zip(count(sound.start, audio.FRAME), sound.frames, strict=False):
        # The last frame ends with the last picture, not with its own last sample.
        length = min(audio.FRAME, samples - start)
        if length > 0:
            yield _build_packet(stream, data, start, length, Fraction(1, audio.RATE))


def _build_packet(
    stream: AudioStream | VideoStream, data: bytes, start: int, length: int, unit: Fraction
) -> Timed:
    packet: av.Packet[Any] = av.Packet(data)
    packet.stream = stream
    packet.time_base = unit
    packet.pts = packet.dts = start
    packet.duration = length
    packet.is_keyframe = stream.type == "audio"
    return start * float(unit), packet
