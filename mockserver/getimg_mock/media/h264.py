"""Frames between two key frames, written bit by bit instead of encoded.

A poster hardly moves. A frame in which nothing moves is, in H.264, a slice that says "skip all
macroblocks"; one in which a bar grows says for a few macroblocks "copy what stood so much further
left". Both are some ten bytes long and cost nothing to make, so a video costs as much as its few
key frames. Clause numbers are those of ITU-T H.264 (08/2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MACROBLOCK: Final = 16

START: Final = b"\0\0\0\1"
"""What stands before each NAL unit of a byte stream."""

_P_SLICE: Final = 1  # nal_unit_type, table 7-1
IDR_SLICE: Final = 5
SPS: Final = 7
PPS: Final = 8
REFERENCE: Final = 2 << 5  # nal_ref_idc: any but 0 means that the next frame may copy from it
_P_ONLY: Final = 5  # slice_type, table 7-6
_I_ONLY: Final = 7
STORED: Final = 25
"""The mb_type I_PCM, table 7-11: samples as they are."""

_WITH_CHROMA_FORMAT: Final = frozenset({100, 110, 122, 244})  # profiles, clause 7.3.2.1.1
_YUV444: Final = 3


class UnsupportedStreamError(ValueError):
    """The encoder's headers promise something that the frames written here do not keep."""


@dataclass(frozen=True, slots=True)
class StreamHeaders:
    """What a slice header depends on, from the sequence and picture parameter sets."""

    columns: int
    rows: int
    frame_number_bits: int
    overrides_references: bool
    has_deblocking_control: bool


@dataclass(frozen=True, slots=True)
class Shift:
    """Macroblocks of one row, from `first` up to but not including `end`, moved right by `by`."""

    row: int
    first: int
    end: int
    by: int


def parse_headers(extradata: bytes) -> StreamHeaders:
    """Return what `extradata`, parameter sets with start codes, says about slices."""
    units = {
        unit[0] & 31: BitReader(_unescape(unit[1:])) for unit in split_units(extradata) if unit
    }
    columns, rows, frame_number_bits = _read_sequence(units[SPS])
    overrides, deblocking = _read_picture(units[PPS])
    return StreamHeaders(columns, rows, frame_number_bits, overrides, deblocking)


def write_following_frame(known: StreamHeaders, number: int, shift: Shift | None = None) -> bytes:
    """Return the frame that is `number` frames after its key frame: the one before it, shifted.

    A shift must not be in the uppermost row: the vectors are written as differences from the
    median of the neighbours' (clause 8.4.1.3), which is zero as long as the row above rests.
    """
    bits = BitWriter()
    _write_slice_header(bits, known, number)
    total = known.columns * known.rows
    done = 0
    if shift is not None and shift.by:
        start = shift.row * known.columns
        for macroblock in range(start + shift.first, start + shift.end):
            bits.write_unsigned(macroblock - done)  # mb_skip_run
            bits.write_unsigned(0)  # mb_type P_L0_16x16
            bits.write_signed(-4 * shift.by)  # mvd_l0, across, in quarters of a pixel
            bits.write_signed(0)  # mvd_l0, down
            bits.write_unsigned(0)  # coded_block_pattern: nothing is left to correct
            done = macroblock + 1
    if done < total:
        bits.write_unsigned(total - done)
    return START + bytes((REFERENCE | _P_SLICE,)) + escape_payload(bits.close())


def _write_slice_header(bits: BitWriter, known: StreamHeaders, number: int) -> None:
    """Write clause 7.3.3 for a P slice that covers the picture."""
    bits.write_unsigned(0)  # first_mb_in_slice
    bits.write_unsigned(_P_ONLY)
    bits.write_unsigned(0)  # pic_parameter_set_id
    bits.write_fixed(number % (1 << known.frame_number_bits), known.frame_number_bits)
    bits.write_fixed(int(known.overrides_references), 1)
    if known.overrides_references:
        bits.write_unsigned(0)  # num_ref_idx_l0_active_minus1
    bits.write_fixed(0, 1)  # ref_pic_list_modification_flag_l0
    bits.write_fixed(0, 1)  # adaptive_ref_pic_marking_mode_flag
    bits.write_signed(0)  # slice_qp_delta
    if known.has_deblocking_control:
        bits.write_unsigned(1)  # disable_deblocking_filter_idc: copies stay exact


def write_key_slice_header(
    bits: BitWriter, known: StreamHeaders, *, first: int = 0, picture: int = 0
) -> None:
    """Write clause 7.3.3 for an I slice of a key frame, from macroblock number `first` on.

    `picture` tells key frames that are neighbours from each other.
    """
    bits.write_unsigned(first)  # first_mb_in_slice
    bits.write_unsigned(_I_ONLY)
    bits.write_unsigned(0)  # pic_parameter_set_id
    bits.write_fixed(0, known.frame_number_bits)
    bits.write_unsigned(picture)  # idr_pic_id
    bits.write_fixed(0, 2)  # no_output_of_prior_pics_flag, long_term_reference_flag
    bits.write_signed(0)  # slice_qp_delta
    if known.has_deblocking_control:
        bits.write_unsigned(1)  # disable_deblocking_filter_idc


def _read_sequence(bits: BitReader) -> tuple[int, int, int]:
    """Return columns, rows and the bits of a frame number, clause 7.3.2.1.1."""
    profile = bits.read_fixed(8)
    bits.read_fixed(16)  # constraint flags and level
    bits.read_unsigned()  # seq_parameter_set_id
    if profile in _WITH_CHROMA_FORMAT:
        if bits.read_unsigned() == _YUV444:
            _require("separate_colour_plane_flag", bits.read_fixed(1), 0)
        bits.read_unsigned()  # bit_depth_luma_minus8
        bits.read_unsigned()  # bit_depth_chroma_minus8
        bits.read_fixed(1)  # qpprime_y_zero_transform_bypass_flag
        _require("seq_scaling_matrix_present_flag", bits.read_fixed(1), 0)
    frame_number_bits = bits.read_unsigned() + 4
    # Type 2: the order of output is that of decoding, and no slice has to count pictures.
    _require("pic_order_cnt_type", bits.read_unsigned(), 2)
    bits.read_unsigned()  # max_num_ref_frames
    bits.read_fixed(1)  # gaps_in_frame_num_value_allowed_flag
    columns, rows = bits.read_unsigned() + 1, bits.read_unsigned() + 1
    _require("frame_mbs_only_flag", bits.read_fixed(1), 1)
    return columns, rows, frame_number_bits


def _read_picture(bits: BitReader) -> tuple[bool, bool]:
    """Return whether references must be overridden, and deblocking is said; clause 7.3.2.2."""
    _require("pic_parameter_set_id", bits.read_unsigned(), 0)
    bits.read_unsigned()  # seq_parameter_set_id
    _require("entropy_coding_mode_flag", bits.read_fixed(1), 0)
    bits.read_fixed(1)  # bottom_field_pic_order_in_frame_present_flag: says nothing for type 2
    _require("num_slice_groups_minus1", bits.read_unsigned(), 0)
    references = bits.read_unsigned() + 1
    bits.read_unsigned()  # num_ref_idx_l1_default_active_minus1
    _require("weighted_pred_flag", bits.read_fixed(1), 0)
    bits.read_fixed(2)  # weighted_bipred_idc
    for _ in range(3):
        bits.read_unsigned()  # pic_init_qp_minus26, pic_init_qs_minus26, chroma_qp_index_offset
    deblocking = bool(bits.read_fixed(1))
    bits.read_fixed(1)  # constrained_intra_pred_flag
    _require("redundant_pic_cnt_present_flag", bits.read_fixed(1), 0)
    return references > 1, deblocking


def _require(name: str, value: int, wanted: int) -> None:
    if value != wanted:
        raise UnsupportedStreamError(f"{name} is {value}; frames can be written only for {wanted}.")


def split_units(stream: bytes) -> list[bytes]:
    """Return the NAL units of `stream`, without their start codes."""
    return [unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:]]


def _unescape(payload: bytes) -> bytes:
    return payload.replace(b"\0\0\3", b"\0\0")


def escape_payload(payload: bytes) -> bytes:
    """Put a 3 wherever two zeros are followed by a byte below 4, clause 7.4.1."""
    safe = bytearray()
    zeros = 0
    for byte in payload:
        if zeros == 2 and byte <= 3:
            safe.append(3)
            zeros = 0
        safe.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(safe)


class BitReader:
    """Reads bits and Exp-Golomb numbers (clause 9.1)."""

    def __init__(self, data: bytes) -> None:
        self._digits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}"
        self._at = 0

    def read_fixed(self, count: int) -> int:
        """Return the next `count` bits as a number."""
        self._at += count
        return int(self._digits[self._at - count : self._at], 2)

    def read_unsigned(self) -> int:
        """Return the next number, ue(v)."""
        zeros = self._digits.index("1", self._at) - self._at
        self._at += zeros
        return self.read_fixed(zeros + 1) - 1


class BitWriter:
    """Writes bits and Exp-Golomb numbers (clause 9.1)."""

    def __init__(self) -> None:
        self._digits: list[str] = []

    def write_fixed(self, value: int, count: int) -> None:
        """Write `value` in `count` bits."""
        self._digits.append(f"{value:0{count}b}")

    def write_unsigned(self, value: int) -> None:
        """Write a number from 0, ue(v)."""
        digits = f"{value + 1:b}"
        self._digits.append("0" * (len(digits) - 1) + digits)

    def write_signed(self, value: int) -> None:
        """Write a number of either sign, se(v)."""
        self.write_unsigned(2 * value - 1 if value > 0 else -2 * value)

    def close(self) -> bytes:
        """Return the bytes, ended by a one and zeros up to a whole byte (clause 7.3.2.11)."""
        self.write_fixed(1, 1)
        return self.align()

    def align(self) -> bytes:
        """Return the bytes, filled with zeros up to a whole byte."""
        digits = "".join(self._digits)
        digits += "0" * (-len(digits) % 8)
        return int(digits, 2).to_bytes(len(digits) // 8, "big")
