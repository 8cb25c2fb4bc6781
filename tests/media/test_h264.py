"""Frames that are written bit by bit say what the standard wants."""

from __future__ import annotations

from io import BytesIO

import av
import pytest
from av.video.frame import PictureType
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.media.h264 import (
    BitReader,
    BitWriter,
    Shift,
    StreamHeaders,
    UnsupportedStreamError,
    _unescape,
    escape_payload,
    parse_headers,
    write_following_frame,
)

KNOWN = StreamHeaders(
    columns=120,
    rows=68,
    frame_number_bits=4,
    overrides_references=False,
    has_deblocking_control=True,
)


def extradata(**options: str) -> bytes:
    """Return the parameter sets of a small stream, encoded with `options`."""
    with av.open(BytesIO(), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options=options)
        stream.width, stream.height, stream.pix_fmt = 100, 50, options.pop("pix_fmt", "yuv420p")
        frame = av.VideoFrame(100, 50, "yuv420p")
        frame.pts, frame.pict_type = 0, PictureType.I
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        return stream.codec_context.extradata or b""


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_the_headers_of_the_encoder_are_understood(pix_fmt: str) -> None:
    """100 x 50 pixels are 7 x 4 macroblocks, whatever the colours."""
    read = parse_headers(extradata(preset="ultrafast", tune="zerolatency", pix_fmt=pix_fmt))
    assert (read.columns, read.rows) == (7, 4)
    assert read.has_deblocking_control


def test_a_stream_that_frames_would_not_fit_is_refused() -> None:
    """An encoder that one day chooses otherwise is an error that says what, not a broken file."""
    with pytest.raises(UnsupportedStreamError, match="pic_order_cnt_type is 0"):
        parse_headers(extradata(preset="ultrafast", bf="2"))
    with pytest.raises(UnsupportedStreamError, match="entropy_coding_mode_flag is 1"):
        parse_headers(extradata(preset="veryfast", tune="zerolatency", bf="0"))


def test_a_frame_in_which_nothing_moves_is_a_few_bytes() -> None:
    """That is why a video costs no more than its key frames."""
    assert len(write_following_frame(KNOWN, 1)) < 16
    assert len(write_following_frame(KNOWN, 1, Shift(row=67, first=3, end=5, by=8))) < 24


def test_a_still_frame_reads_as_the_standard_says() -> None:
    """Read back field by field, clause 7.3.3."""
    frame = write_following_frame(KNOWN, 19)
    assert frame[:5] == b"\0\0\0\1\x41"
    bits = BitReader(_unescape(frame[5:]))
    assert bits.read_unsigned() == 0  # first_mb_in_slice
    assert bits.read_unsigned() == 5  # slice_type
    assert bits.read_unsigned() == 0  # pic_parameter_set_id
    assert bits.read_fixed(4) == 19 % 16  # frame_num
    assert bits.read_fixed(3) == 0  # overriding, reordering, marking
    assert bits.read_unsigned() == 0  # slice_qp_delta
    assert bits.read_unsigned() == 1  # disable_deblocking_filter_idc
    assert bits.read_unsigned() == 120 * 68  # mb_skip_run
    assert bits.read_fixed(1) == 1  # rbsp_stop_one_bit


def test_a_shift_of_nothing_is_no_shift() -> None:
    """In a long video most frames do not move the bar by a whole pixel."""
    still = write_following_frame(KNOWN, 1)
    assert write_following_frame(KNOWN, 1, Shift(row=67, first=3, end=5, by=0)) == still


@given(st.lists(st.integers(0, 70_000)), st.integers(0, 255))
def test_numbers_are_read_as_they_were_written(numbers: list[int], byte: int) -> None:
    """Exp-Golomb, clause 9.1: the reader and the writer agree."""
    writer = BitWriter()
    for number in numbers:
        writer.write_unsigned(number)
    writer.write_fixed(byte, 8)
    bits = BitReader(writer.close())
    assert [bits.read_unsigned() for _ in numbers] == numbers
    assert bits.read_fixed(8) == byte


@pytest.mark.parametrize(
    ("value", "bits"), [(0, "1"), (1, "010"), (-1, "011"), (2, "00100"), (-2, "00101")]
)
def test_signed_numbers_are_those_of_table_9_3(value: int, bits: str) -> None:
    """Positive ones come before negative ones."""
    writer = BitWriter()
    writer.write_signed(value)
    closed = bits + "1"
    assert writer.close() == int(closed.ljust(8, "0"), 2).to_bytes(1, "big")


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=40).map(bytes))
def test_no_frame_contains_a_start_code(payload: bytes) -> None:
    """Zeros within a frame are kept apart, and the reader finds them again."""
    safe = escape_payload(payload)
    assert all(code not in safe for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))
    # A reader takes out each 3 that follows two zeros; those of the payload were guarded too.
    assert _unescape(safe) == payload
