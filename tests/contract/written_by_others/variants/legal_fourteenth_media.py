"""Providers whose files are of other legal encodings: JPEG, PNG, WebP and MP4."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import legal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.written_by_others.accounts import Work

BATCH: Final = 14
SOFTWARE: Final = b"getimg.ai\0"
THUMBNAIL: Final = (160, 160)
# The seven passes of Adam7: first column and row, and the steps between columns and rows.
PASSES: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def _open(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def _make_thumbnail(content: bytes) -> bytes:
    picture = _open(content)
    picture.thumbnail(THUMBNAIL)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


def _make_exif(thumbnail: bytes) -> bytes:
    second = 8 + 18
    text = second + 42
    first_page = struct.pack("<HHHIII", 1, 0x131, 2, len(SOFTWARE), text, second)
    entries = struct.pack("<HHIHH", 0x103, 3, 1, 6, 0)
    entries += struct.pack("<HHII", 0x201, 4, 1, text + len(SOFTWARE))
    entries += struct.pack("<HHII", 0x202, 4, 1, len(thumbnail))
    second_page = struct.pack("<H", 3) + entries + bytes(4)
    tiff = b"II*\0" + struct.pack("<I", 8) + first_page + second_page + SOFTWARE + thumbnail
    return b"Exif\0\0" + tiff


@legal("D: output_format is all that is said of a picture; EXIF files have thumbnails in JPEG")
class JpegsCarryAThumbnail(Provider):
    """The EXIF of JPEG files holds a thumbnail: a whole JPEG of 160 pixels within the file."""

    def draw(self, work: Work) -> bytes:
        """Put EXIF behind the header."""
        content = super().draw(work)
        if work.order.output_format != "jpeg":
            return content
        exif = _make_exif(_make_thumbnail(content))
        end = 4 + int.from_bytes(content[4:6], "big")
        segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
        return content[:end] + segment + content[end:]


def _list_rows(picture: Image.Image) -> Iterator[bytes]:
    width, height = picture.size
    planes = [plane.tobytes() for plane in picture.split()]
    for left, top, across, down in PASSES:
        count = len(range(left, width, across))
        for y in range(top, height if count else 0, down):
            row = bytearray(1 + 3 * count)
            for index, plane in enumerate(planes):
                row[1 + index :: 3] = plane[y * width + left : (y + 1) * width : across]
            yield bytes(row)


def _make_chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


@legal("D: output_format is all that is said of a picture; PNG 8.2 has the method of Adam7")
class PngsAreInterlaced(Provider):
    """PNG files are interlaced (Adam7), and their data comes in chunks of 8 KiB."""

    def draw(self, work: Work) -> bytes:
        """Write the seven passes."""
        content = super().draw(work)
        if work.order.output_format != "png":
            return content
        picture = _open(content)
        header = struct.pack(">IIBBBBB", *picture.size, 8, 2, 0, 0, 1)
        data = zlib.compress(b"".join(_list_rows(picture)), 1)
        parts = [_make_chunk(b"IDAT", data[at : at + 8192]) for at in range(0, len(data), 8192)]
        body = _make_chunk(b"IHDR", header) + b"".join(parts) + _make_chunk(b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + body


@legal("D: output_format is all that is said of a picture; RFC 9649 2.7: VP8X, ALPH, then VP8")
class WebpsAreLossyWithAlpha(Provider):
    """WebP files are extended: lossy colours, and a channel of alpha, opaque but for a pixel."""

    def draw(self, work: Work) -> bytes:
        """Add a channel."""
        content = super().draw(work)
        if work.order.output_format != "webp":
            return content
        picture = _open(content)
        alpha = Image.new("L", picture.size, 255)
        alpha.putpixel((0, 0), 254)
        picture.putalpha(alpha)
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=70, method=0)
        return buffer.getvalue()


def _widen(kind: bytes, data: bytes) -> bytes:
    if kind in {b"moov", b"trak", b"mdia"}:
        return b"".join(_make_box(name, _widen(name, part)) for name, part in _list_boxes(data))
    if kind not in {b"mvhd", b"tkhd", b"mdhd"} or data[0] != 0:
        return data
    words = 5 if kind == b"tkhd" else 4
    end = 4 + 4 * words
    created, changed, *between, duration = struct.unpack(f">{words}I", data[4:end])
    times = struct.pack(f">QQ{len(between)}IQ", created, changed, *between, duration)
    return b"\x01" + data[1:4] + times + data[end:]


def _list_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8], data[at + 8 : at + size]
        at += size


def _make_box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + kind + data


@legal("ISO 14496-12 4.2 and 8.2: sizes and times of boxes may have 64 bits, in any file")
class FilmsHaveBoxesOfSixtyFourBits(Provider):
    """In MP4 files `mdat` has a size of 64 bits; `mvhd`, `tkhd` and `mdhd` are of version 1."""

    def draw(self, work: Work) -> bytes:
        """Widen sizes and times; `mdat` begins where it did, as the offsets say."""
        content = super().draw(work)
        if work.order.kind != "video":
            return content
        boxes = list(_list_boxes(content))
        film = b""
        for index, (kind, data) in enumerate(boxes):
            if kind == b"mdat":
                film += struct.pack(">I4sQ", 1, kind, len(data) + 16) + data
            elif kind != b"free" or data or boxes[index + 1][0] != b"mdat":
                film += _make_box(kind, _widen(kind, data))
        return film
