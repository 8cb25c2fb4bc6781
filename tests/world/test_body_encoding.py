"""Bodies that are not JSON in UTF-8: what they are is named."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.errors import Refusal
from getimg_mock.world.body_encoding import describe_encoding
from getimg_mock.world.validation import parse_body

TEXT: Final = '{"model": "seedream-5-lite", "prompt": "Caf\\u00e9"}'
BODY: Final = TEXT.encode()
DEFLATER: Final = zlib.compressobj(wbits=-15)
RAW: Final = DEFLATER.compress(BODY) + DEFLATER.flush()


@pytest.mark.parametrize(
    ("body", "declared", "said"),
    [
        (gzip.compress(BODY, mtime=0), "", "compressed (gzip)"),
        (gzip.compress(BODY, mtime=0), "x-gzip", "compressed (gzip)"),
        *((zlib.compress(BODY, level), "", "compressed (deflate)") for level in range(10)),
        (RAW, "deflate", "compressed (deflate)"),
        (bz2.compress(BODY), "", "compressed (bzip2)"),
        (lzma.compress(BODY), "", "compressed (xz)"),
        (b"\x0b\x02\x80abc\x03", "br", "compressed (br)"),
        (b"\x28\xb5\x2f\xfd\x04", "zstd", "compressed (zstd)"),
        (b"\x00\x01", "gzip, br", "compressed (gzip, br)"),
        (b"\x00\x01", "\x1b[31m" * 99, "compressed (\\x1b[31m"),
        (TEXT.encode("utf-8-sig"), "", "byte order mark"),
        (TEXT.encode("utf-16"), "", "it is in UTF-16; send it in UTF-8"),
        (TEXT.encode("utf-16-le"), "identity", "it is in UTF-16; send it in UTF-8"),
        (TEXT.encode("utf-16-be"), "", "it is in UTF-16; send it in UTF-8"),
        (TEXT.encode("utf-32"), "", "it is in UTF-32; send it in UTF-8"),
        (TEXT.encode("utf-32-be"), "", "it is in UTF-32; send it in UTF-8"),
        ('{"prompt": "\xe9"}'.encode("latin-1"), "", "it is not UTF-8"),
    ],
)
def test_the_encoding_is_named(body: bytes, declared: str, said: str) -> None:
    """So that its sender knows what to change."""
    with pytest.raises(Refusal) as caught:
        parse_body(body, declared)
    assert said in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 350


@pytest.mark.parametrize("declared", ["", "identity", "gzip", "aws-chunked"])
def test_plain_json_is_accepted_whatever_is_declared(declared: str) -> None:
    """A proxy may have decoded it and left the header."""
    assert parse_body(BODY, declared)["model"] == "seedream-5-lite"


@given(st.binary(max_size=12), st.text(max_size=60))
def test_any_bytes_are_described(body: bytes, declared: str) -> None:
    """In a few printable characters, or not at all."""
    described = describe_encoding(body, declared) or ""
    assert described.isprintable()
    assert len(described) < 300
