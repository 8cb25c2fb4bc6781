"""What the structure of a PNG, JPEG or WebP file says, read without decoding its pixels.

Time and memory depend on the size of the file, never on the size of the picture that it promises:
a file of a few bytes may promise 50,000 x 50,000 pixels.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_MAX_PARTS: Final = 20_000  # chunks or segments; a file of 10 MiB in chunks of 8 KiB has 1,280
_MAX_INFLATED: Final = 32 * 1024 * 1024  # of a PNG's pixels, to find broken data; in bytes
_STEP: Final = 256 * 1024

# Samples of a pixel and possible bits of a sample, by colour type (PNG specification, table 11.1).
_PNG_COLOURS: Final = {
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (1, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
_ADAM7: Final = 1

_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_WITHOUT_LENGTH: Final = frozenset((0x01, *range(0xD0, 0xD9)))
_NO_FILL_BYTE: Final = re.compile(rb"[^\xff]")
_FRAME_HEADER: Final = 6  # bytes of a JPEG frame header up to its number of components

# The beginnings of files that are not accepted, as people know them.
_OTHERS: Final = (
    (b"GIF8", 0, "a GIF image"),
    (b"BM", 0, "a BMP image"),
    (b"II*\0", 0, "a TIFF image"),
    (b"MM\0*", 0, "a TIFF image"),
    (b"\0\0\1\0", 0, "an ICO image"),
    (b"ftypavif", 4, "an AVIF image"),
    (b"ftypheic", 4, "a HEIC image"),
    (b"ftypmif1", 4, "a HEIC image"),
    (b"ftyp", 4, "an MP4 video"),
    (b"\xff\x0a", 0, "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", 0, "a JPEG XL image"),
    (b"\0\0\0\x0cjP  ", 0, "a JPEG 2000 image"),
    (b"%PDF", 0, "a PDF document"),
    (b"PK\3\4", 0, "a ZIP archive"),
    (b"\x1f\x8b", 0, "gzip data"),
)
_MARKUP: Final = ((b"<svg", "an SVG image"), (b"<html", "HTML"), (b"<!doctype html", "HTML"))


class BrokenPictureError(ValueError):
    """A file is not a complete picture of its format; the text says why."""


class PictureHeader(NamedTuple):
    """Width and height in pixels, and whether there is more than one frame."""

    width: int
    height: int
    animated: bool = False


def sniff_type(data: bytes) -> str | None:
    """Return the MIME type of PNG, JPEG or WebP bytes by their signature, else None."""
    if data.startswith(_PNG):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def describe_content(data: bytes) -> str | None:
    """Return what bytes that are not an accepted picture seem to be, or None."""
    if not data:
        return "empty"
    for magic, at, name in _OTHERS:
        if data.startswith(magic, at):
            return name
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<"):
        return next((name for mark, name in _MARKUP if mark in start), "XML or HTML")
    return None


def read_header(data: bytes, mime_type: str) -> PictureHeader:
    """Return the header of a PNG, JPEG or WebP file; raises `BrokenPictureError`."""
    return _READERS[mime_type](data)


def check_pixel_data(data: bytes, mime_type: str) -> None:
    """Raise `BrokenPictureError` where a PNG's pixels cannot be inflated, or are too few.

    At most 32 MiB are inflated, a part at a time. The other formats are not checked.
    """
    if mime_type == "image/png":
        _inflate(data)


# PNG ---------------------------------------------------------------------------------------------


def _iterate_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of each chunk of a PNG file up to IEND."""
    view, at = memoryview(data), len(_PNG)
    for _ in range(_MAX_PARTS):
        if at + 12 > len(data):
            raise BrokenPictureError("it is truncated")
        start = at + 8
        end = start + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            raise BrokenPictureError("it is truncated")
        name = data[at + 4 : start]
        if zlib.crc32(view[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            shown = ascii(name.decode("latin-1"))[1:-1]
            raise BrokenPictureError(f"the checksum of its chunk {shown} is wrong")
        yield name, start, end
        if name == b"IEND":
            return
        at = end + 4
    raise BrokenPictureError(f"it has more than {_MAX_PARTS} chunks")


def _read_png(data: bytes) -> PictureHeader:
    found: PictureHeader | None = None
    frames, animated, has_pixels = 0, False, False
    for name, start, end in _iterate_chunks(data):
        if found is None:
            found = _read_png_start(name, data[start:end])
        elif name == b"IDAT":
            has_pixels = has_pixels or end > start
        elif name == b"acTL":
            animated = True
        elif name == b"fcTL":
            frames += 1
    if found is None or not has_pixels:
        raise BrokenPictureError("it has no pixels: a chunk IDAT is missing")
    return found._replace(animated=animated or frames > 1)


def _read_png_start(name: bytes, chunk: bytes) -> PictureHeader:
    if name != b"IHDR" or len(chunk) != 13:
        raise BrokenPictureError("it does not begin with a chunk IHDR")
    bits, colour = chunk[8], chunk[9]
    if colour not in _PNG_COLOURS or bits not in _PNG_COLOURS[colour][1] or any(chunk[10:12]):
        raise BrokenPictureError("its chunk IHDR has values that PNG does not allow")
    return PictureHeader(int.from_bytes(chunk[:4], "big"), int.from_bytes(chunk[4:8], "big"))


def _inflate(data: bytes) -> None:
    """Inflate the pixels of a PNG file, without keeping them."""
    wanted, inflated = 0, 0
    stream = zlib.decompressobj()
    for name, start, end in _iterate_chunks(data):
        if name == b"IHDR":
            wanted = min(_MAX_INFLATED, _compute_png_size(data[start:end]))
        elif name == b"IDAT":
            rest = data[start:end]
            while rest and inflated < wanted and not stream.eof:
                try:
                    inflated += len(stream.decompress(rest, _STEP))
                except zlib.error:
                    raise BrokenPictureError("its pixels cannot be decompressed") from None
                rest = stream.unconsumed_tail
    while inflated < wanted and not stream.eof:
        more = len(stream.decompress(stream.unconsumed_tail, _STEP))
        if not more:
            break
        inflated += more
    if inflated < wanted:
        raise BrokenPictureError("it has fewer pixels than its header promises")


def _compute_png_size(chunk: bytes) -> int:
    """Return how many bytes the pixels of a PNG have, at least, before compression."""
    width, height = int.from_bytes(chunk[:4], "big"), int.from_bytes(chunk[4:8], "big")
    bits = chunk[8] * _PNG_COLOURS[chunk[9]][0]
    # Interlaced rows are counted a little short: parts of a row end in whole bytes.
    filters = 0 if chunk[12] == _ADAM7 else height
    return width * height * bits // 8 if filters == 0 else height * ((width * bits + 7) // 8 + 1)


# JPEG --------------------------------------------------------------------------------------------


def _read_jpeg(data: bytes) -> PictureHeader:
    at, found = 2, None
    for _ in range(_MAX_PARTS):
        marker, at = _read_marker(data, at)
        if marker in _WITHOUT_LENGTH:
            continue
        if marker == _END_OF_IMAGE:
            raise BrokenPictureError("it has no pixels")
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise BrokenPictureError("it is truncated")
        if marker in _START_OF_FRAME:
            found = _read_frame_header(data[at + 2 : at + length])
        at += length
        if marker == _START_OF_SCAN:
            return _end_jpeg(data, at, found)
    raise BrokenPictureError(f"it has more than {_MAX_PARTS} segments")


def _read_marker(data: bytes, at: int) -> tuple[int, int]:
    """Return the marker at a place of a JPEG file, and the place after it."""
    if at >= len(data):
        raise BrokenPictureError("it is truncated")
    if data[at] != 0xFF:
        raise BrokenPictureError(f"byte {at} is not the start of a JPEG segment")
    found = _NO_FILL_BYTE.search(data, at)  # any number of fill bytes is allowed
    if found is None:
        raise BrokenPictureError("it is truncated")
    return data[found.start()], found.end()


def _read_frame_header(segment: bytes) -> PictureHeader:
    if len(segment) < _FRAME_HEADER or len(segment) < _FRAME_HEADER + 3 * segment[5]:
        raise BrokenPictureError("its frame header is too short")
    if not segment[5]:
        raise BrokenPictureError("its frame header has no colour components")
    height, width = int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big")
    return PictureHeader(width, height)


def _end_jpeg(data: bytes, at: int, found: PictureHeader | None) -> PictureHeader:
    if found is None:
        raise BrokenPictureError("it has no frame header before its pixels")
    end = data.rfind(b"\xff\xd9", at)
    if end < 0:
        raise BrokenPictureError("it is truncated")
    if end == at:
        raise BrokenPictureError("it has no pixels")
    return found


# WebP --------------------------------------------------------------------------------------------


def _read_webp(data: bytes) -> PictureHeader:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise BrokenPictureError("it is truncated")
    at, canvas, image, animated = 12, None, None, False
    for _ in range(_MAX_PARTS):
        if at + 8 > end:
            break
        name = data[at : at + 4]
        start, size = at + 8, int.from_bytes(data[at + 4 : at + 8], "little")
        if start + size > end:
            raise BrokenPictureError("it is truncated")
        chunk = data[start : start + min(size, 16)]
        if name == b"VP8X":
            canvas, animated = _read_canvas(chunk)
        elif name in {b"VP8 ", b"VP8L"}:
            image = _read_lossy(chunk) if name == b"VP8 " else _read_lossless(chunk)
        elif name in {b"ANIM", b"ANMF"}:
            animated = True
        at = start + size + size % 2
    else:
        raise BrokenPictureError(f"it has more than {_MAX_PARTS} chunks")
    if image is None and not animated:
        raise BrokenPictureError("it has no pixels: a chunk VP8 or VP8L is missing")
    found = canvas or image or PictureHeader(0, 0)
    if canvas and image and canvas != image:
        raise BrokenPictureError("its canvas and its image differ in size")
    return found._replace(animated=animated)


def _read_canvas(chunk: bytes) -> tuple[PictureHeader, bool]:
    if len(chunk) < 10:
        raise BrokenPictureError("its chunk VP8X is too short")
    width, height = (int.from_bytes(chunk[at : at + 3], "little") + 1 for at in (4, 7))
    return PictureHeader(width, height), bool(chunk[0] & 2)


def _read_lossy(chunk: bytes) -> PictureHeader:
    if len(chunk) < 10 or chunk[0] & 1 or chunk[3:6] != b"\x9d\x01\x2a":
        raise BrokenPictureError("its chunk VP8 does not begin with a key frame")
    width, height = (int.from_bytes(chunk[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return PictureHeader(width, height)


def _read_lossless(chunk: bytes) -> PictureHeader:
    if len(chunk) < 5 or chunk[0] != 0x2F:
        raise BrokenPictureError("its chunk VP8L has no signature")
    bits = int.from_bytes(chunk[1:5], "little")
    return PictureHeader((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


_READERS: Final[dict[str, Callable[[bytes], PictureHeader]]] = {
    "image/png": _read_png,
    "image/jpeg": _read_jpeg,
    "image/webp": _read_webp,
}
