"""Clients that stop sending: they are answered, and their connections end."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from getimg_mock import MockServer
from tests.serving.wire import BODY, JSON, KEY, exchange, find_statuses

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = b"Content-Length: %d\r\n\r\n"
POST = b"POST /v2/images/generations HTTP/1.1\r\n" + KEY + JSON
IMAGE = POST + LENGTH % len(BODY) + BODY
GET = b"GET /v2/billing/balance HTTP/1.1\r\n" + KEY + b"\r\n"
WAIT = b'{"operation": "billing.balance", "timeout": 20}'


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    """Return a fake whose images take a fraction of a second."""
    with MockServer(balance=10**6, image_seconds="0.3") as server:
        yield server


@pytest.fixture
def port(server: MockServer) -> int:
    """Return its port."""
    return int(server.url.rpartition(":")[2])


def _control(method: bytes, path: bytes, body: bytes = b"") -> bytes:
    key = KEY.replace(b"fake.test", b"localhost")
    head = b"%b /__mock__%b HTTP/1.1\r\n" % (method, path) + key
    return head + (JSON + LENGTH % len(body) + body if body else b"\r\n")


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (IMAGE, [200]),
        (GET + IMAGE + GET, [200, 200, 200]),
        (IMAGE * 4 + GET * 20, [200] * 24),
        (IMAGE + POST + LENGTH % 99 + BODY, [200]),
        (GET + IMAGE + GET[:40], [200, 200]),
        (IMAGE + GET[:-2], [200]),
        (_control(b"GET", b"/journal/count"), [200]),
        (_control(b"POST", b"/clock/advance", b'{"duration": "1s"}') + GET, [200, 200]),
        (_control(b"POST", b"/journal/wait", b'{"status": 299, "timeout": 0.5}'), [504]),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("offer", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"])
def test_every_complete_request_is_answered(
    port: int, request_: bytes, statuses: list[int], offer: bytes
) -> None:
    """Also those that take time and those behind them; an incomplete one is not."""
    request_ = request_.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\n" + offer)
    assert find_statuses(exchange(port, request_, half_close=True)) == statuses


def test_a_waiting_control_request_is_answered_when_it_comes_true(port: int) -> None:
    """The long poll ends by what another connection does."""
    answers: list[bytes] = []
    key = KEY.replace(b"socket", b"long_poll").replace(b"fake.test", b"localhost")
    head = b"POST /__mock__/journal/wait HTTP/1.1\r\n" + key + JSON + LENGTH % len(WAIT)
    waiting = threading.Thread(
        target=lambda: answers.append(exchange(port, head + WAIT, half_close=True))
    )
    waiting.start()
    get = GET.replace(b"socket", b"long_poll").replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"
    )
    while waiting.is_alive():
        exchange(port, get)
        waiting.join(0.05)
    assert find_statuses(answers[0]) == [200]


def test_a_download_that_is_not_drawn_yet_arrives(port: int) -> None:
    """Drawing it takes longer than the half-close."""
    answer = exchange(port, IMAGE, half_close=True)
    url = answer.partition(b'"url":"http://fake.test')[2].partition(b'"')[0]
    received = exchange(port, b"GET " + url + b" HTTP/1.1\r\n" + KEY + b"\r\n", half_close=True)
    head, _, body = received.partition(b"\r\n\r\n")
    assert find_statuses(head) == [200]
    assert b"content-length: %d\r\n" % len(body) in head


def test_a_stream_goes_on_until_its_reader_has_gone(port: int) -> None:
    """The tail of the journal: a reader needs only the other half of its connection."""
    tail = _control(b"GET", b"/journal/tail").replace(b"sk_socket", b"sk_tail")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(tail)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while b"event: exchange" not in received:
            exchange(port, GET.replace(b"sk_socket", b"sk_tail"), half_close=True)
            received += connection.recv(65536)
    assert find_statuses(received) == [200]
