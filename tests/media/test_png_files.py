"""PNG files of stored and compressed bands are PNG files like any other."""

from __future__ import annotations

import zlib
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from getimg_mock.media.png_files import Band, encode_png, plan_bands


@st.composite
def bands_of(draw: st.DrawFn, height: int) -> list[Band]:
    """Return any bands that cover a height."""
    edges = sorted({0, height, *draw(st.lists(st.integers(0, height), max_size=5))})
    return [Band(top, bottom, draw(st.booleans())) for top, bottom in pairwise(edges)]


@given(width=st.integers(1, 60), height=st.integers(1, 40), data=st.data())
def test_the_pixels_come_back(width: int, height: int, data: st.DataObject) -> None:
    """Whatever is in them, and however the rows are divided."""
    pixels = data.draw(st.randoms(use_true_random=False)).randbytes(width * height * 3)
    image = Image.frombytes("RGB", (width, height), pixels)
    file = encode_png(image, data.draw(bands_of(height)))
    read = Image.open(BytesIO(file))
    assert (read.format, read.mode, read.size) == ("PNG", "RGB", (width, height))
    assert read.tobytes() == pixels


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_band_of_more_than_one_block_comes_back(is_stored: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A stored block has at most 65,535 bytes."""
    pixels = bytes(range(256)) * 3 * 400
    image = Image.frombytes("RGB", (25_600, 4), pixels)
    file = encode_png(image, [Band(0, 4, is_stored)])
    assert Image.open(BytesIO(file)).tobytes() == pixels


def test_the_stream_is_one_that_zlib_reads() -> None:
    """With its checksum, and nothing after it."""
    image = Image.effect_noise((50, 40), 60).convert("RGB")
    file, stream, at = encode_png(image, plan_bands(50, 40)), b"", 8
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        kind, data = file[at + 4 : at + 8], file[at + 8 : at + 8 + length]
        assert int.from_bytes(file[at + 8 + length : at + 12 + length], "big") == zlib.crc32(
            kind + data
        )
        stream += data if kind == b"IDAT" else b""
        at += length + 12
    packer = zlib.decompressobj()
    assert len(packer.decompress(stream)) == 40 * (1 + 50 * 3)
    assert packer.eof
    assert packer.unused_data == b""


@given(width=st.integers(1, 9000), height=st.integers(1, 9000))
def test_bands_cover_the_picture(width: int, height: int) -> None:
    """Each row once, and no more stored bytes than a file may have."""
    bands = plan_bands(width, height)
    assert [each.top for each in bands] == [0, *(each.bottom for each in bands[:-1])]
    assert bands[-1].bottom == height
    stored = sum(each.bottom - each.top for each in bands if each.is_stored)
    assert stored * width * 3 <= 11_000_000
