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

from getimg_mock.media import audio, h264
from getimg_mock.media.films import draw_first_frame, has_odd_side, place_key_frames
from getimg_mock.media.mp4 import with_index_first

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        picture = container.add_stream("libx264", rate=film.fps, options=_ENCODER)
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


def _encode_pictures(stream: VideoStream, film: Film) -> Iterator[Timed]:
    starts = place_key_frames(film, _KEY_FRAME_EVERY)
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
    stream: AudioStream | VideoStream, data: bytes, start: int, length: int, unit: Fraction
) -> Timed:
    packet: av.Packet[Any] = av.Packet(data)
    packet.stream = stream
    packet.time_base = unit
    packet.pts = packet.dts = start
    packet.duration = length
    packet.is_keyframe = stream.type == "audio"
    return start * float(unit), packet
