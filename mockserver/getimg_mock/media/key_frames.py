"""A film encoded by FFmpeg: a few key frames, and frames between them that are written."""

from __future__ import annotations

from fractions import Fraction
from heapq import merge
from io import BytesIO
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import av
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

from getimg_mock.media import audio, bar_slices, h264
from getimg_mock.media.films import draw_first_frame, has_odd_side, place_key_frames
from getimg_mock.media.mp4 import with_index_first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.audio.stream import AudioStream
    from av.video.stream import VideoStream

    from getimg_mock.media.films import Bar, Film

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
_SOUND_BITS: Final = 64_000


def encode_film(film: Film) -> bytes:
    """Return `film` as an MP4 file, H.264 and (with sound) AAC, with its index first."""
    file = BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        options = _ENCODER | {"x264-params": f"{_ENCODER['x264-params']}{_slice(film)}"}
        picture = container.add_stream("libx264", rate=film.fps, options=options)
        picture.width, picture.height = film.poster.width, film.poster.height
        odd = has_odd_side(film.poster.width, film.poster.height)
        picture.pix_fmt = "yuv444p" if odd else "yuv420p"
        picture.codec_context.thread_count = 1  # their number changes what x264 writes
        tracks = [_encode_pictures(picture, film)]
        if film.has_sound:
            sound = container.add_stream("aac", rate=audio.RATE, layout="mono")
            tracks.append(_encode_sound(sound, film))
        for _, packet in merge(*tracks, key=itemgetter(0)):
            container.mux_one(packet)
    return with_index_first(file.getvalue())


def _slice(film: Film) -> str:
    """Return the option that gives the row of the bar a slice of its own, where it is written."""
    bar = _find_written_bar(film)
    return f":slice-max-mbs={bar.row * -(-bar.width // h264.MACROBLOCK)}" if bar else ""


def _encode_pictures(stream: VideoStream, film: Film) -> Iterator[Timed]:
    starts = place_key_frames(film, _KEY_FRAME_EVERY)
    bar = _find_written_bar(film)
    make = _write_key_frames(stream, film, bar) if bar else _encode_key_frames(stream, film)
    for start, end in zip(starts, [*starts[1:], film.frames], strict=True):
        yield _build_packet(stream, make(start), start, 1, 1 / film.fps, is_key=True)
        known = _read_headers(stream)
        for number in range(start + 1, end):
            shift = None if film.bar is None else film.bar.compute_growth(number, film.frames)
            data = h264.write_following_frame(known, number - start, shift)
            yield _build_packet(stream, data, number, 1, 1 / film.fps)


def _find_written_bar(film: Film) -> Bar | None:
    """Return the bar if it is written into key frames whose poster is encoded but once.

    It has to be the last row of macroblocks, in 4:2:0, and no key frame follows another.
    """
    width, height, bar = film.poster.width, film.poster.height, film.bar
    if bar is None or has_odd_side(width, height) or bar.top + bar.height < height:
        return None
    follows = 2 * len(place_key_frames(film, _KEY_FRAME_EVERY)) > film.frames
    return None if follows else bar


def _write_key_frames(stream: VideoStream, film: Film, bar: Bar) -> Callable[[int], bytes]:
    """Return what makes the key frame of a number: the poster's slices, and one with the bar."""
    frame = _draw_first_frame(stream, film)
    poster = bar_slices.find_poster_slices(_encode_frame(stream, frame, 0))
    known, colours = _read_headers(stream), _read_colours(frame, bar)

    def make(number: int) -> bytes:
        lit = min(bar.count_lit(number + 1, film.frames), bar.width)
        return poster + bar_slices.write_bar_slice(known, bar.row, lit, colours)

    return make


def _encode_key_frames(stream: VideoStream, film: Film) -> Callable[[int], bytes]:
    """Return what makes the key frame of a number: all of it is encoded."""
    bar, frame = film.bar, _draw_first_frame(stream, film)

    def make(number: int) -> bytes:
        if bar is not None:
            _light(frame, bar, bar.count_lit(number + 1, film.frames))
        return _encode_frame(stream, frame, number)

    return make


def _encode_frame(stream: VideoStream, frame: av.VideoFrame, number: int) -> bytes:
    frame.pts, frame.pict_type = number, PictureType.I
    (packet,) = stream.encode(frame)
    return bytes(packet)


def _read_headers(stream: VideoStream) -> h264.StreamHeaders:
    return h264.parse_headers(stream.codec_context.extradata or b"")


def _read_colours(frame: av.VideoFrame, bar: Bar) -> bar_slices.BarColours:
    """Return the colours of the bar, of which the first two pixels are lit, and no more."""
    lit, unlit = [], []
    for plane in frame.planes:
        row = bar.top // (frame.width // plane.width) * plane.line_size
        pixels = memoryview(plane).cast("B")
        lit.append(pixels[row])
        unlit.append(pixels[row + plane.width - 1])
    return bar_slices.BarColours((lit[0], lit[1], lit[2]), (unlit[0], unlit[1], unlit[2]))


def _draw_first_frame(stream: VideoStream, film: Film) -> av.VideoFrame:
    """Return the poster with an empty bar, in the pixels that the encoder takes."""
    image = draw_first_frame(film)
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
    stream: AudioStream | VideoStream,
    data: bytes,
    start: int,
    length: int,
    unit: Fraction,
    *,
    is_key: bool = False,
) -> Timed:
    packet: av.Packet[Any] = av.Packet(data)
    packet.stream = stream
    packet.time_base = unit
    packet.pts = packet.dts = start
    packet.duration = length
    packet.is_keyframe = is_key or stream.type == "audio"
    return start * float(unit), packet
