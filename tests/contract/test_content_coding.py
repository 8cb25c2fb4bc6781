"""Content codings: what a request allows, and what a body really has."""

from __future__ import annotations

import gzip
import zlib

import pytest

from getimg_mock.contract.content_coding import decompress, list_allowed

TEXT = b'{"data": []}' * 20


@pytest.mark.parametrize(
    ("accepted", "allowed"),
    [
        (None, set()),
        ("gzip, br;q=0.5", {"gzip", "x-gzip", "br"}),
        ("gzip;q=0, identity", {"identity"}),
        ("*;q=0.0", set()),
    ],
)
def test_a_coding_of_no_weight_is_not_allowed(accepted: str | None, allowed: set[str]) -> None:
    """RFC 9110: `q=0` forbids a coding."""
    assert list_allowed(accepted) == allowed


@pytest.mark.parametrize(
    ("body", "coding", "plain"),
    [
        (gzip.compress(TEXT, mtime=0), "gzip", TEXT),
        (zlib.compress(TEXT), "deflate", TEXT),
        (zlib.compress(TEXT)[2:-4], "deflate", TEXT),
        (TEXT, "gzip", None),
        (gzip.compress(TEXT, mtime=0)[:-9], "gzip", None),
        (TEXT, "br", None),
        (TEXT, "", TEXT),
    ],
)
def test_a_body_has_the_coding_that_its_header_names(
    body: bytes, coding: str, plain: bytes | None
) -> None:
    """A label alone, and a body that is cut off, are no compression."""
    assert decompress(body, coding) == plain
