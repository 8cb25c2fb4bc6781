"""Key frames that differ in their bar alone: one is encoded, and the bar of each is written.

A slice is decoded without the others of its frame. So the poster's slices serve every key frame,
and the row of macroblocks with the bar is a slice of its own: a few samples as they are, and
macroblocks that say "as on the left". Clause numbers are those of ITU-T H.264 (08/2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from getimg_mock.media.h264 import (
    IDR_SLICE,
    MACROBLOCK,
    REFERENCE,
    START,
    STORED,
    BitWriter,
    StreamHeaders,
    escape_payload,
    split_units,
    write_key_slice_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_AS_ON_THE_LEFT: Final = 2  # mb_type I_16x16_1_0_0, table 7-11
_CHROMA_AS_ON_THE_LEFT: Final = 1  # intra_chroma_pred_mode, table 7-16
# coeff_token of no coefficients, table 9-5, where the left block has none, and where it is stored.
_NONE: Final = "1"
_NONE_AFTER_STORED: Final = "000011"


@dataclass(frozen=True, slots=True)
class BarColours:
    """The lit and the unlit sample of each plane: luma, then two of chroma, 4:2:0."""

    lit: tuple[int, int, int]
    unlit: tuple[int, int, int]


def find_poster_slices(packet: bytes) -> bytes:
    """Return an encoded key frame without its last slice, and without what is no slice."""
    slices = [unit for unit in split_units(packet) if unit[0] & 31 == IDR_SLICE]
    return b"".join(START + unit for unit in slices[:-1])


def write_bar_slice(known: StreamHeaders, row: int, lit: int, colours: BarColours) -> bytes:
    """Return a slice of one row of macroblocks whose first `lit` pixels, an even number, are lit.

    The slice belongs to a key frame that follows another kind of frame, or begins the stream.
    """
    bits = BitWriter()
    write_key_slice_header(bits, known, first=row * known.columns)
    parts: list[bytes] = []
    after_stored = False
    for samples in _draw_row(known.columns, lit, colours):
        if samples:
            bits.write_unsigned(STORED)
            parts += [bits.align(), samples]
            bits = BitWriter()
        else:
            bits.write_unsigned(_AS_ON_THE_LEFT)
            bits.write_unsigned(_CHROMA_AS_ON_THE_LEFT)
            bits.write_signed(0)  # mb_qp_delta
            none = _NONE_AFTER_STORED if after_stored else _NONE
            bits.write_fixed(int(none, 2), len(none))
        after_stored = bool(samples)
    payload = b"".join((*parts, bits.close()))
    return START + bytes((REFERENCE | IDR_SLICE,)) + escape_payload(payload)


def _draw_row(columns: int, lit: int, colours: BarColours) -> Iterator[bytes]:
    """Yield the samples of each macroblock; none where it looks as its left one's last column."""
    edge, rest = divmod(lit, MACROBLOCK)
    for column in range(columns):
        if column == 0 and edge:
            yield _draw_macroblock(MACROBLOCK, colours)
        elif column == edge:
            yield _draw_macroblock(rest, colours)
        else:
            yield b""


def _draw_macroblock(lit: int, colours: BarColours) -> bytes:
    """Return the samples of a macroblock whose first `lit` columns are lit."""
    planes = []
    for plane, part in enumerate((1, 2, 2)):
        side, bright = MACROBLOCK // part, lit // part
        line = bytes((colours.lit[plane],)) * bright
        planes.append((line + bytes((colours.unlit[plane],)) * (side - bright)) * side)
    return b"".join(planes)
