"""A film written without FFmpeg: its key frame has the pixels as they are, its sound is silence.

H.264 knows macroblocks whose samples are stored instead of compressed (I_PCM), so a key frame needs
no encoder. It is about a hundred times as large as an encoded one; there is one for ten seconds.
Clause numbers are those of ITU-T H.264 (08/2021).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.media.films import draw_first_frame, has_odd_side, light_bar, place_key_frames
from getimg_mock.media.h264 import (
    IDR_SLICE,
    MACROBLOCK,
    PPS,
    REFERENCE,
    SPS,
    START,
    STORED,
    BitWriter,
    StreamHeaders,
    escape_payload,
    write_following_frame,
    write_key_slice_header,
)
from getimg_mock.media.mp4_tracks import Sample, build_sound_track, build_video_track, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from PIL import Image

    from getimg_mock.media.films import Film

RATE: Final = 48_000
"""Samples of sound in a second."""

FRAME: Final = 1024
"""Samples in a frame of AAC."""

# A single channel without any spectral data (ISO/IEC 14496-3, table 4.4), and the end.
_SILENCE: Final = bytes.fromhex("01180007")
_KEY_FRAME_EVERY: Final = 10.0  # seconds; the frames between cost a player next to nothing
_FRAME_NUMBER_BITS: Final = 4
_BASELINE: Final = 66  # profile_idc; what 4:2:0 needs
_HIGH_444: Final = 244
_CONSTRAINED: Final = 0xC0  # a constrained baseline stream: no reordering, no slice groups
_BT709: Final = 1  # table E-3
# mb_type as it is where the bits before it are a whole number of bytes, up to the samples.
_STORED: Final = bytes((0x0D, 0))

# Level, its most macroblocks in a second and in a frame, and its buffer in bits: table A-1.
_LEVELS: Final = (
    (31, 108_000, 3_600, 14_000_000),
    (40, 245_760, 8_192, 25_000_000),
    (42, 522_240, 8_704, 62_500_000),
    (50, 589_824, 22_080, 135_000_000),
    (51, 983_040, 36_864, 240_000_000),
    (52, 2_073_600, 36_864, 240_000_000),
    (60, 4_177_920, 139_264, 240_000_000),
    (62, 16_711_680, 139_264, 800_000_000),
)

# From RGB to BT.709 in the range of television: rows of Y, Cb and Cr.
_RED, _GREEN, _BLUE = 0.2126, 0.7152, 0.0722
_LUMA, _CHROMA = 219 / 255, 224 / 255
_TO_BLUE, _TO_RED = _CHROMA / (2 * (1 - _BLUE)), _CHROMA / (2 * (1 - _RED))
_MATRIX: Final = (
    *(_LUMA * _RED, _LUMA * _GREEN, _LUMA * _BLUE, 16.0),
    *(-_TO_BLUE * _RED, -_TO_BLUE * _GREEN, _CHROMA / 2, 128.0),
    *(_CHROMA / 2, -_TO_RED * _GREEN, -_TO_RED * _BLUE, 128.0),
)


def write_uncompressed(film: Film) -> bytes:
    """Return `film` as an MP4 file: H.264 and, with sound, silent AAC; its index comes first."""
    size = film.poster.width, film.poster.height
    odd = has_odd_side(*size)
    columns, rows = (-(-side // MACROBLOCK) for side in size)
    headers = StreamHeaders(
        columns,
        rows,
        _FRAME_NUMBER_BITS,
        overrides_references=False,
        has_deblocking_control=True,
    )
    tracks = [
        build_video_track(
            list(_write_pictures(film, headers)),
            size=size,
            fps=film.fps,
            sets=(_write_sequence(film, headers), _write_picture_set()),
            has_full_colour=odd,
        )
    ]
    if film.has_sound:
        samples = round(film.frames / film.fps * RATE)
        sound = [
            Sample(_SILENCE, min(FRAME, samples - start)) for start in range(0, samples, FRAME)
        ]
        tracks.append(build_sound_track(sound, RATE))
    return write_file(tracks)


def _write_pictures(film: Film, headers: StreamHeaders) -> Iterator[Sample]:
    starts = place_key_frames(film, _KEY_FRAME_EVERY)
    image, bar = draw_first_frame(film), film.bar
    for index, (start, end) in enumerate(
        zip(starts, [*starts[1:], film.frames], strict=True),
    ):
        if bar is not None:
            light_bar(image, film, bar.count_lit(start + 1, film.frames))
        yield Sample(_prefix(_write_key_frame(image, headers, index)), 1)
        for number in range(start + 1, end):
            shift = None if bar is None else bar.compute_growth(number, film.frames)
            unit = write_following_frame(headers, number - start, shift)
            yield Sample(_prefix(unit.removeprefix(START)), 1, is_key=False)


def _prefix(unit: bytes) -> bytes:
    """Return a NAL unit as MP4 files have it, with its length before it."""
    return len(unit).to_bytes(4, "big") + unit


def _write_key_frame(image: Image.Image, headers: StreamHeaders, index: int) -> bytes:
    """Return a slice that stores every macroblock of `image`, clauses 7.3.3 and 7.3.5."""
    bits = BitWriter()
    write_key_slice_header(bits, headers, picture=index % 2)
    bits.write_unsigned(STORED)
    head = bytes((REFERENCE | IDR_SLICE,)) + escape_payload(bits.align())
    # No sample is below 16, so none needs to be escaped.
    return head + _STORED.join(_list_macroblocks(image, headers)) + b"\x80"


def _list_macroblocks(image: Image.Image, headers: StreamHeaders) -> list[bytes]:
    """Return the samples of each macroblock: brightness, then both colours."""
    odd = has_odd_side(image.width, image.height)
    whole = image.crop((0, 0, headers.columns * MACROBLOCK, headers.rows * MACROBLOCK))
    planes = list(whole.convert("RGB", _MATRIX).split())
    if not odd:
        planes[1:] = [plane.reduce(2) for plane in planes[1:]]
    sides = (plane.width // headers.columns for plane in planes)
    squares = [
        _cut(plane.tobytes(), plane.width, side) for plane, side in zip(planes, sides, strict=True)
    ]
    return [b"".join(each) for each in zip(*squares, strict=True)]


def _cut(samples: bytes, width: int, side: int) -> list[bytes]:
    """Return the squares of a plane, row by row."""
    squares = []
    for top in range(0, len(samples), width * side):
        lines = [samples[at : at + width] for at in range(top, top + width * side, width)]
        squares += [
            b"".join([line[left : left + side] for line in lines]) for left in range(0, width, side)
        ]
    return squares


def _choose_level(film: Film, headers: StreamHeaders) -> int:
    """Return the lowest level that allows the size, the rate and the largest frame."""
    blocks = headers.columns * headers.rows
    longest = max(headers.columns, headers.rows)
    bits = 8 * blocks * (768 if has_odd_side(film.poster.width, film.poster.height) else 384)
    for level, rate, size, buffer in _LEVELS:
        fits = blocks <= size and longest**2 <= 8 * size and bits * 1.01 <= buffer
        if fits and blocks * film.fps <= rate:
            return level
    return _LEVELS[-1][0]


def _write_sequence(film: Film, headers: StreamHeaders) -> bytes:
    """Return the sequence parameter set, clause 7.3.2.1.1."""
    odd = has_odd_side(film.poster.width, film.poster.height)
    bits = BitWriter()
    bits.write_fixed(_HIGH_444 if odd else _BASELINE, 8)
    bits.write_fixed(0 if odd else _CONSTRAINED, 8)
    bits.write_fixed(_choose_level(film, headers), 8)
    bits.write_unsigned(0)  # seq_parameter_set_id
    if odd:
        _write_full_colour(bits)
    bits.write_unsigned(_FRAME_NUMBER_BITS - 4)
    bits.write_unsigned(2)  # pic_order_cnt_type: output follows decoding
    bits.write_unsigned(1)  # max_num_ref_frames
    bits.write_fixed(0, 1)  # gaps_in_frame_num_value_allowed_flag
    bits.write_unsigned(headers.columns - 1)
    bits.write_unsigned(headers.rows - 1)
    bits.write_fixed(0b11, 2)  # frame_mbs_only_flag, direct_8x8_inference_flag
    _write_cropping(bits, film, headers)
    bits.write_fixed(1, 1)  # vui_parameters_present_flag
    _write_usability(bits, film.fps)
    return bytes((REFERENCE | SPS,)) + escape_payload(bits.close())


def _write_full_colour(bits: BitWriter) -> None:
    """Write the fields of a profile with 4:4:4."""
    bits.write_unsigned(3)  # chroma_format_idc
    bits.write_fixed(0, 1)  # separate_colour_plane_flag
    bits.write_unsigned(0)  # bit_depth_luma_minus8
    bits.write_unsigned(0)  # bit_depth_chroma_minus8
    bits.write_fixed(0, 2)  # no bypass of the transform, no scaling matrix


def _write_cropping(bits: BitWriter, film: Film, headers: StreamHeaders) -> None:
    """Write how much of the whole macroblocks is beyond the picture, in samples of colour."""
    width, height = film.poster.width, film.poster.height
    unit = 1 if has_odd_side(width, height) else 2
    bits.write_fixed(1, 1)  # frame_cropping_flag
    for cropped in (
        0,
        headers.columns * MACROBLOCK - width,
        0,
        headers.rows * MACROBLOCK - height,
    ):
        bits.write_unsigned(cropped // unit)


def _write_usability(bits: BitWriter, fps: Fraction) -> None:
    """Write clause E.1.1: square pixels, BT.709, a fixed rate, and no frame out of order."""
    bits.write_fixed(1, 1)  # aspect_ratio_info_present_flag
    bits.write_fixed(1, 8)  # aspect_ratio_idc: square
    bits.write_fixed(0, 1)  # overscan_info_present_flag
    bits.write_fixed(1, 1)  # video_signal_type_present_flag
    bits.write_fixed(5, 3)  # video_format: unspecified
    bits.write_fixed(0, 1)  # video_full_range_flag
    bits.write_fixed(1, 1)  # colour_description_present_flag
    for _ in range(3):
        bits.write_fixed(_BT709, 8)  # primaries, transfer, matrix
    bits.write_fixed(0, 1)  # chroma_loc_info_present_flag
    bits.write_fixed(1, 1)  # timing_info_present_flag
    bits.write_fixed(fps.denominator, 32)
    bits.write_fixed(2 * fps.numerator, 32)  # in fields
    bits.write_fixed(1, 1)  # fixed_frame_rate_flag
    bits.write_fixed(0, 3)  # no HRD parameters, no pic_struct
    bits.write_fixed(1, 1)  # bitstream_restriction_flag
    bits.write_fixed(1, 1)  # motion_vectors_over_pic_boundaries_flag
    bits.write_unsigned(0)  # max_bytes_per_pic_denom
    bits.write_unsigned(0)  # max_bits_per_mb_denom
    bits.write_unsigned(16)  # log2_max_mv_length_horizontal
    bits.write_unsigned(16)  # log2_max_mv_length_vertical
    bits.write_unsigned(0)  # max_num_reorder_frames
    bits.write_unsigned(1)  # max_dec_frame_buffering


def _write_picture_set() -> bytes:
    """Return the picture parameter set, clause 7.3.2.2."""
    bits = BitWriter()
    bits.write_unsigned(0)  # pic_parameter_set_id
    bits.write_unsigned(0)  # seq_parameter_set_id
    bits.write_fixed(0, 2)  # CAVLC; no order of fields
    bits.write_unsigned(0)  # num_slice_groups_minus1
    bits.write_unsigned(0)  # num_ref_idx_l0_default_active_minus1
    bits.write_unsigned(0)  # num_ref_idx_l1_default_active_minus1
    bits.write_fixed(0, 3)  # no weighted prediction
    for _ in range(3):
        bits.write_signed(0)  # pic_init_qp_minus26, pic_init_qs_minus26, chroma_qp_index_offset
    bits.write_fixed(0b100, 3)  # deblocking control; no constrained intra, no redundant pictures
    return bytes((REFERENCE | PPS,)) + escape_payload(bits.close())
