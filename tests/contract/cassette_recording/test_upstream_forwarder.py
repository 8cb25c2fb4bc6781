"""What a client sends reaches the API as it is, and what the API answers reaches the client."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.budget.spend_file import SpendRecord
from getimg_mock.contract.cassette_recording.purchase_gate import PurchaseGate
from getimg_mock.contract.cassette_recording.upstream_forwarder import (
    UpstreamForwarder,
    find_host,
    prepare_request,
    replace_origin,
    select_headers,
)
from getimg_mock.contract.targets import persistent_connection
from getimg_mock.contract.targets.execution import ReceivedResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGIN = "https://api.getimg.ai"
LOCAL = "http://127.0.0.1:4010"


@contextmanager
def _serve_bytes(head: bytes, endless: bytes = b"") -> Iterator[str]:
    """Answer each connection with `head`, then with `endless` until the client has gone."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(head)
                    while endless:
                        connection.sendall(endless)
                except OSError:
                    continue

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _read(url: str) -> ReceivedResponse:
    forwarder = UpstreamForwarder(url, PurchaseGate(url, Decimal(0), SpendRecord()))
    try:
        headers = [(b"authorization", b"Bearer sk_x")]
        return forwarder.forward(prepare_request("GET", "/v2/models", headers, b""))
    finally:
        forwarder.close()


def test_headers_of_a_connection_stay_on_it() -> None:
    """The key passes, and what belongs to one connection does not."""
    sent = prepare_request(
        "POST",
        "/v2/images/generations?x=1",
        [(b"host", b"h"), (b"authorization", b"Bearer k"), (b"transfer-encoding", b"chunked")],
        b"{}",
    )
    assert sent.headers == (("authorization", "Bearer k"), ("accept-encoding", "identity"))
    assert sent.body == b"{}"
    assert prepare_request("GET", "/", [], b"").body is None


def test_a_header_cannot_split_a_response() -> None:
    """Control characters, and names that are none, do not reach the client."""
    received = ReceivedResponse(
        200,
        (
            ("content-type", "text/plain"),
            ("x-evil", "a\r\nset-cookie: b"),
            ("bad name", "x"),
            ("connection", "close"),
            ("x-long", "y" * 10_000),
        ),
        b"",
    )
    assert select_headers(received) == [(b"content-type", b"text/plain")]


@pytest.mark.parametrize("slash", ["/", "\\/"])
def test_links_of_the_api_lead_to_the_recorder(slash: str) -> None:
    """Both forms of a slash in JSON are known, and nothing else in the body changes."""
    body = f'{{"u": "{ORIGIN}/v2/downloads/x/0?exp=1&sig=2", "d": "{ORIGIN}/docs", "n": 0.040}}'
    found = replace_origin(body.replace("/", slash).encode(), ORIGIN, LOCAL).decode()
    expected = body.replace(f"{ORIGIN}/v2/downloads", f"{LOCAL}/v2/downloads")
    assert found == expected.replace("/", slash)


def test_an_endless_answer_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that never stops sending fills no memory: beyond the limit there is no answer."""
    monkeypatch.setattr(persistent_connection, "_MAX_ANSWER", 1 << 20)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    with _serve_bytes(head, b"x" * 65536) as url:
        received = _read(url)
    assert received.status == 0
    assert b"more than 1 MiB" in received.body


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_no_answer(answer: bytes) -> None:
    """Broken messages are reported in words, without an exception."""
    with _serve_bytes(answer) as url:
        received = _read(url)
    assert received.status in {0, 200}
    assert received.status == 200 or received.body


def test_a_host_has_its_port_and_no_login() -> None:
    """A manifest names the service, and nothing secret of its address."""
    assert find_host("https://me:secret@gateway.example:8443/prefix") == "gateway.example:8443"
