"""Content encodings: what we pack is what decoders read, and only who asks for it gets it."""

from __future__ import annotations

from typing import Any

import pytest

from getimg_mock.contract.clients.cases.encodings import accepts_encoding, brotli, zstandard
from getimg_mock.contract.clients.drivers.adapters.httpx_client import PlainHttpx
from getimg_mock.contract.clients.drivers.python_driver import PythonDriver
from getimg_mock.contract.clients.suite import cases
from tests.contract.clients.reference import ReferenceClient

# Around the sizes of the blocks of both: 64 KiB and 128 KiB.
SIZES = (0, 1, 300, 65535, 65536, 65537, 131071, 131072, 131073, 300_000)


def case(name: str) -> Any:
    """Return a case."""
    return next(each for each in cases() if each.name == name)


def test_a_packed_text_is_these_bytes() -> None:
    """The forms are those of RFC 7932 and RFC 8878, word for word."""
    assert brotli(b"hello").hex() == "40001068656c6c6f03"
    assert zstandard(b"hello").hex() == "28b52ffda00500000029000068656c6c6f"


@pytest.mark.parametrize("size", SIZES)
def test_a_brotli_decoder_reads_what_was_packed(size: int) -> None:
    """A stream that no decoder reads would prove nothing of a client."""
    decoder = pytest.importorskip("brotli")
    data = bytes(range(256)) * (size // 256 + 1)
    assert decoder.decompress(brotli(data[:size])) == data[:size]


@pytest.mark.parametrize("size", SIZES)
def test_a_zstandard_decoder_reads_what_was_packed(size: int) -> None:
    """The same of the other one."""
    decoder = pytest.importorskip("zstandard").ZstdDecompressor()
    data = bytes(range(256)) * (size // 256 + 1)
    assert decoder.decompress(zstandard(data[:size])) == data[:size]


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        (["br"], True),
        (["gzip, deflate, br"], True),
        (["gzip", "BR ;q=0.5"], True),
        (["br;q=1.0"], True),
        (["br;q=0"], False),
        (["gzip, br; q=0.000"], False),
        (["gzip"], False),
        (["*"], False),
        ([], False),
    ],
)
def test_an_encoding_is_taken_where_it_is_named(accepted: list[str], taken: bool) -> None:  # noqa: FBT001 - a row of a table
    """Whoever does not name an encoding, or names it with q=0, must not be sent it."""
    assert accepts_encoding("br", accepted) is taken


@pytest.mark.parametrize(("encoding", "decoder"), [("br", "brotli"), ("zstd", "zstandard")])
def test_a_client_that_asks_for_an_encoding_is_judged_by_it(encoding: str, decoder: str) -> None:
    """What httpx asks for, it unpacks."""
    pytest.importorskip(decoder)
    history = PythonDriver(PlainHttpx).run(case(f"framing-encoding-{encoding}"))
    assert not history.missed
    assert [each.kind for each in history.outcomes] == ["value"] * 3


def test_a_client_that_does_not_ask_for_an_encoding_is_not_judged_by_it() -> None:
    """A server may not send what a client does not take."""
    history = PythonDriver(ReferenceClient).run(case("framing-encoding-br"))
    assert history.missed
    assert history.requests
    assert not [each for each in history.requests if "content-encoding" in dict(each.headers)]
