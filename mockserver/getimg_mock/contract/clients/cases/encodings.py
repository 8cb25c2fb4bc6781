"""Content encodings that a server may choose, of those that a client accepts.

Brotli and Zstandard both allow uncompressed blocks, which any decoder reads. So no encoder is
needed here, and decompression itself is not tested.
"""

from __future__ import annotations

import gzip
import re
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ZERO_QUALITY: Final = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")
_BROTLI_BLOCK: Final = 1 << 16
_ZSTD_MAGIC: Final = bytes.fromhex("28b52ffd")
_ZSTD_SINGLE_SEGMENT: Final = 0xA0  # with the size of the content in four bytes
_ZSTD_BLOCK: Final = 1 << 17


def brotli(data: bytes) -> bytes:
    """Return a Brotli stream (RFC 7932) of uncompressed meta-blocks."""
    if not data:
        return b"\x06"  # a window of 16 bits; the last meta-block, and it is empty
    made = bytearray()
    for at in range(0, len(data), _BROTLI_BLOCK):
        part = data[at : at + _BROTLI_BLOCK]
        # From the lowest bit: not the last, a length of four nibbles, less one, uncompressed.
        head = (len(part) - 1) << 3 | 1 << 19
        # The stream begins with the bit for a window of 16 bits, which is 0.
        made += (head if at else head << 1).to_bytes(3, "little") + part
    return bytes(made) + b"\x03"


def zstandard(data: bytes) -> bytes:
    """Return a Zstandard frame (RFC 8878) of raw blocks."""
    made = bytearray(_ZSTD_MAGIC + bytes([_ZSTD_SINGLE_SEGMENT]) + len(data).to_bytes(4, "little"))
    for at in range(0, len(data) or 1, _ZSTD_BLOCK):
        part = data[at : at + _ZSTD_BLOCK]
        last = at + _ZSTD_BLOCK >= len(data)
        made += (len(part) << 3 | last).to_bytes(3, "little") + part
    return bytes(made)


ENCODINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli,
    "zstd": zstandard,
}
"""The functions that encode a body, by the name of the encoding in HTTP."""


def accepts_encoding(encoding: str, accepted: Iterable[str]) -> bool:
    """Return whether values of Accept-Encoding name an encoding, and do not exclude it.

    A star does not count as naming it: clients that send one seldom support every encoding.
    """
    for value in accepted:
        for each in value.lower().split(","):
            name, _, parameters = each.partition(";")
            if name.strip() == encoding:
                return not _ZERO_QUALITY.fullmatch(parameters)
    return False
