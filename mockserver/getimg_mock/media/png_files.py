"""PNG files as large as real ones, without the time that compressing noise takes.

Some bands of rows are stored as they are, and have grain; the others are smooth, and compressed.
Deflate allows both kinds of block in one stream.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from PIL import ImageChops

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from PIL import Image

_BAND: Final = 4  # rows; each change of kind costs some bytes and microseconds
_SHARE: Final = 0.37  # of the bands is stored: 1.1 bytes for each pixel
_MAX_STORED: Final = 10_000_000  # bytes; real pictures of 4K are no larger
_LEVEL: Final = 1  # of the smooth rows, which compress well at any level
_BLOCK: Final = 0xFFFF  # bytes in a stored block at most
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_ZLIB_HEADER: Final = b"\x78\x01"
_LAST_BLOCK: Final = b"\x01\x00\x00\xff\xff"  # stored, and empty


class Band(NamedTuple):
    """Rows from `top` to before `bottom`; stored as they are, or compressed."""

    top: int
    bottom: int
    is_stored: bool


def plan_bands(width: int, height: int) -> list[Band]:
    """Return the bands of a picture, from its top: the stored ones are spread evenly."""
    share = min(_SHARE, _MAX_STORED / (3 * width * height))
    found: list[Band] = []
    for index, top in enumerate(range(0, height, _BAND)):
        is_stored = int((index + 1) * share) > int(index * share)
        bottom = min(top + _BAND, height)
        if found and not is_stored and not found[-1].is_stored:
            found[-1] = found[-1]._replace(bottom=bottom)
        else:
            found.append(Band(top, bottom, is_stored))
    return found


def encode_png(image: Image.Image, bands: Iterable[Band]) -> bytes:
    """Return an RGB image as a PNG file."""
    size = image.width.to_bytes(4, "big") + image.height.to_bytes(4, "big")
    # Eight bits a channel, RGB, deflate, the five filters, not interlaced.
    parts = [_SIGNATURE, *_build_chunk(b"IHDR", size + b"\x08\x02\x00\x00\x00")]
    checksum, start = 1, _ZLIB_HEADER
    for band in bands:
        rows = _read_rows(image, band)
        checksum = zlib.adler32(rows, checksum)
        parts += _build_chunk(b"IDAT", start + (_store if band.is_stored else _compress)(rows))
        start = b""
    parts += _build_chunk(b"IDAT", start + _LAST_BLOCK + checksum.to_bytes(4, "big"))
    parts += _build_chunk(b"IEND", b"")
    return b"".join(parts)


def _read_rows(image: Image.Image, band: Band) -> bytes:
    """Return the rows of a band, each after the number of its filter."""
    rows = image.crop((0, band.top, image.width, band.bottom))
    kind = b"\x00"
    if not band.is_stored:
        # The difference to the pixel on the left; left of the first one is black.
        rows = ImageChops.subtract_modulo(
            rows, image.crop((-1, band.top, image.width - 1, band.bottom))
        )
        kind = b"\x01"
    data, length = rows.tobytes(), image.width * 3
    return b"".join(kind + data[at : at + length] for at in range(0, len(data), length))


def _compress(rows: bytes) -> bytes:
    """Return blocks that end at a byte and refer to nothing before them."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(rows) + packer.flush(zlib.Z_FULL_FLUSH)


def _store(rows: bytes) -> bytes:
    return b"".join(_build_stored_blocks(rows))


def _build_stored_blocks(rows: bytes) -> Iterator[bytes]:
    for at in range(0, len(rows), _BLOCK):
        part = rows[at : at + _BLOCK]
        yield b"\x00" + len(part).to_bytes(2, "little")
        yield (len(part) ^ _BLOCK).to_bytes(2, "little")
        yield part


def _build_chunk(kind: bytes, data: bytes) -> list[bytes]:
    checksum = zlib.crc32(data, zlib.crc32(kind))
    return [len(data).to_bytes(4, "big"), kind, data, checksum.to_bytes(4, "big")]
