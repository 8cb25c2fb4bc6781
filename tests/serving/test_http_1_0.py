"""Clients of HTTP/1.0: `ab`, old proxies and embedded libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer
from tests.serving.wire import BODY, JSON, KEY, exchange, find_statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

KEEP = b"Connection: keep-alive\r\n"
GET = b"GET /v2/billing/balance HTTP/1.0\r\n" + KEY
POST = b"POST /v2/images/generations HTTP/1.0\r\n" + KEY + JSON
LOCAL = KEY.replace(b"fake.test", b"localhost")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of a fake that all tests here share."""
    with MockServer(balance=10**6) as server:
        yield int(server.url.rpartition(":")[2])


def test_a_connection_is_kept_when_the_client_asks_for_it(port: int) -> None:
    """RFC 9112 9.3: the response says so too, and the next request gets its own."""
    post = POST + KEEP + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    received = exchange(port, GET + KEEP + b"\r\n", post, GET + b"\r\n")
    assert find_statuses(received) == [200, 200, 200]
    assert received.count(b"\r\nconnection: keep-alive\r\n") == 2
    assert received.count(b"\r\nconnection: close\r\n") == 1


def test_otherwise_it_ends_with_the_response(port: int) -> None:
    """The default of HTTP/1.0; a second request is not answered."""
    assert find_statuses(exchange(port, GET + b"\r\n" + GET + b"\r\n")) == [200]


@pytest.mark.parametrize("path", [b"/__mock__/journal", b"/__mock__/journal/export?format=ndjson"])
def test_a_response_of_unknown_length_ends_with_the_connection(port: int, path: bytes) -> None:
    """HTTP/1.0 knows no chunks."""
    received = exchange(port, b"GET %b HTTP/1.0\r\n" % path + LOCAL + KEEP + b"\r\n")
    head, _, body = received.partition(b"\r\n\r\n")
    assert find_statuses(head) == [200]
    assert b"chunked" not in head
    assert body[:1] == b"{"
    assert body.rstrip()[-1:] == b"}"
