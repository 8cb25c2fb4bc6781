"""Compressed bodies, and keys in the path of a URL."""

from __future__ import annotations

import gzip
import zlib

import pytest

from getimg_mock import MockServer
from tests.serving.wire import BODY, JSON, exchange, find_statuses

SECRET = "sk_secret_0123456789abcdef"


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", zlib.compress(BODY)[2:-4]),
        ("br", b"\x0b\x02\x80abc\x03"),
    ],
)
def test_a_compressed_body_is_called_compressed(name: str, body: bytes) -> None:
    """The cause and what would work, in the envelope, and nothing is charged."""
    head = b"POST /v2/images/generations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk_gzip_1\r\n"
    head += JSON + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (
        name.encode(),
        len(body),
    )
    with MockServer() as server:
        received = exchange(int(server.url.rpartition(":")[2]), head + body, half_close=True)
        assert find_statuses(received) == [400]
        assert f"compressed ({name})".encode() in received


@pytest.mark.parametrize("sender", [SECRET, "sk_another_0123456789"])
def test_a_key_in_a_path_is_not_shown(sender: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in the log nor in the journal, be it the sender's or another's."""
    head = f"GET /v2/videos/generations/{SECRET} HTTP/1.1\r\nHost: x\r\n"
    head += f"Authorization: Bearer {sender}\r\n\r\n"
    with MockServer(quiet=False) as server:
        exchange(int(server.url.rpartition(":")[2]), head.encode(), half_close=True)
        recorded = next(iter(server.workspace(sender).journal))
    assert SECRET not in capsys.readouterr().out
    assert sender not in str(recorded.raw)
    assert SECRET not in str(recorded.raw)
