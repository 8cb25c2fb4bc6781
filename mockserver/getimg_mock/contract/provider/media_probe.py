"""What a file really is: measured from its bytes, once for each file."""

from __future__ import annotations

import io
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, UnidentifiedImageError

from getimg_mock.errors import MissingPackageError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_END_OF_JPEG, _SCAN_OF_JPEG = b"\xff\xd9", b"\xff\xda"
_PILLOW_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
_ORIENTATION = 0x0112
"""The tag of Exif metadata for how a picture is turned."""

_TURNED = frozenset({5, 6, 7, 8})
"""Its values for a quarter or three quarters of a turn."""


class MediaProperties(NamedTuple):
    """What a file's bytes say of it; None for what its kind does not have.

    The size of a picture is that in which viewers show it: metadata may turn it.
    """

    mime_type: str | None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    fps: float | None = None
    has_sound: bool | None = None
    sound_seconds: float | None = None
    """How long the sound track of a video is, where the file says it."""
    picture_seconds: float | None = None
    """The same of its pictures."""
    flaw: str = ""


def sniff_mime_type(data: bytes) -> str | None:
    """Return the media type that the first bytes show, or None."""
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp":
        return "video/mp4"
    return None


@lru_cache(maxsize=1024)  # a run on a service of ten models has 240 files
def probe_media(data: bytes) -> MediaProperties:
    """Return what a file is, by decoding it."""
    kind = sniff_mime_type(data)
    if kind is None:
        return MediaProperties(None, flaw="the bytes are of no known format")
    return _probe_video(data) if kind == "video/mp4" else _probe_picture(data, kind)


def _probe_picture(data: bytes, kind: str) -> MediaProperties:
    try:
        with Image.open(io.BytesIO(data)) as picture:
            size = picture.size
            if picture.getexif().get(_ORIENTATION) in _TURNED:
                size = size[1], size[0]
            found = _PILLOW_TYPES.get(str(picture.format))
            picture.draft("RGB", (64, 64))
            picture.load()
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError) as error:
        return MediaProperties(kind, flaw=f"the picture cannot be decoded: {error}")
    return MediaProperties(found, *size, flaw=_find_missing_end(data, kind))


def _find_missing_end(data: bytes, kind: str) -> str:
    """Return what is wrong with the frame of a picture whose pixels could be read.

    Decoders forgive a cut or damaged end, of which strict ones make an error.
    """
    if kind == "image/png":
        return _find_broken_chunk(data)
    if kind == "image/jpeg" and data.rfind(_END_OF_JPEG) < data.rfind(_SCAN_OF_JPEG):
        return "the JPEG has no end"
    if kind == "image/webp" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return "the WebP is shorter than it says"
    return ""


def _find_broken_chunk(data: bytes) -> str:
    place = len(_SIGNATURES[0][0])
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        name, end = data[place + 4 : place + 8], place + 8 + length
        if zlib.crc32(data[place + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return f"the chunk {name.decode('latin-1')} of the PNG is damaged"
        if name == b"IEND":
            return ""
        place = end + 4
    return "the PNG has no IEND"


def _find_cut_box(data: bytes) -> str:
    """Return which part of an MP4 is shorter than it says: a decoder may not come to its end."""
    place = 0
    while place + 8 <= len(data):
        size, start = int.from_bytes(data[place : place + 4], "big"), 8
        if size == 1:
            size, start = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        if size and (size < start or place + size > len(data)):
            return f"the part {data[place + 4 : place + 8].decode('latin-1')} of the MP4 is cut off"
        place = place + size if size else len(data)
    return ""


def _read_seconds(stream: AudioStream | VideoStream | None) -> float | None:
    if stream is None or not stream.duration or stream.time_base is None:
        return None
    return float(stream.duration * stream.time_base)


def _measure_rate(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the frames per second of a track, from the times of its frames.

    The first one does not count: it may be shown longer, where the sound begins before it. Nor does
    the decoder's own figure, which is of a length that a file in fragments does not state.
    """
    container.seek(0)
    times = sorted(each.pts for each in container.demux(stream) if each.pts is not None)
    times = times[1:] or times
    span = times[-1] - times[0] if times else 0
    if not span or stream.time_base is None:
        return float(stream.average_rate) if stream.average_rate else None
    return float((len(times) - 1) / (span * stream.time_base))


def require_decoder() -> None:
    """Raise `MissingPackageError` where no video can be judged."""
    try:
        import av  # noqa: F401, PLC0415 - an extra
    except ModuleNotFoundError:
        raise MissingPackageError(
            "The videos of a service are judged by FFmpeg: pip install 'getimg-mock[verify]'."
        ) from None


def _probe_video(data: bytes) -> MediaProperties:
    require_decoder()
    if flaw := _find_cut_box(data):
        return MediaProperties("video/mp4", flaw=flaw)
    import av  # noqa: PLC0415 - an extra

    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            if not container.streams.video:
                return MediaProperties("video/mp4", flaw="there is no video track")
            stream = container.streams.video[0]
            frame = next(container.decode(stream))
            seconds = container.duration
            sound = container.streams.audio[0] if container.streams.audio else None
            return MediaProperties(
                "video/mp4",
                frame.width,
                frame.height,
                seconds / 1_000_000 if seconds else None,
                _measure_rate(container, stream),
                sound is not None,
                _read_seconds(sound),
                _read_seconds(stream),
            )
    except (av.error.FFmpegError, StopIteration, ValueError, OSError) as error:
        return MediaProperties("video/mp4", flaw=f"the video cannot be decoded: {error}")
