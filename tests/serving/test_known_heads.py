"""A head that a connection has seen is not parsed again, and changes no answer."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock import MockServer
from getimg_mock.serving.known_heads import KnownHeads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEY = b"Host: fake.test\r\nAuthorization: Bearer sk_known_heads\r\n"
HEAD = b"POST /v2/images/generations HTTP/1.1\r\nContent-Length: 4\r\n\r\n"
SCOPE: dict[str, Any] = {"http_version": "1.1", "headers": [(b"content-length", b"4")]}


def _post(prompt: str, *more: bytes, key: bytes = KEY) -> bytes:
    body = json.dumps({"model": "z-image-turbo", "prompt": prompt}).encode()
    lines = (*more, b"Content-Length: %d\r\n" % len(body))
    head = b"POST /v2/images/generations HTTP/1.1\r\n" + key + b"".join(lines)
    return head + b"Content-Type: application/json\r\n\r\n" + body


BALANCE = b"GET /v2/billing/balance HTTP/1.1\r\n" + KEY + b"\r\n"
KEYLESS = b"GET /v2/billing/balance HTTP/1.1\r\nHost: fake.test\r\n\r\n"
CHUNKED = (
    b"POST /v2/images/generations HTTP/1.1\r\n"
    + KEY
    + b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n0\r\n\r\n"
)
UPGRADE = BALANCE[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
CHECKED = [
    ([_post("a one")], [200]),
    ([_post("a two")], [200]),
    ([BALANCE], [200]),
    ([KEYLESS], [401]),
    ([_post("a one", key=b"Host: fake.test\r\n")], [401]),
    ([_post("a one", b"X-Mock-Behaviour: error=rate_limit\r\n")], [429]),
    ([CHUNKED], [400]),
    ([UPGRADE], [200]),
    ([BALANCE + BALANCE], [200, 200]),
    ([_post("a one")[:-3], _post("a one")[-3:]], [200]),
    ([b"\r\n" + BALANCE], [200]),
    ([_post("a one") + BALANCE[:20], BALANCE[20:]], [200, 200]),
]
"""Packets that a client sends, and the statuses of the answers to them."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of a fake that all tests here share."""
    with MockServer() as server:
        yield int(server.url.rpartition(":")[2])


def _receive(connection: socket.socket, count: int) -> list[tuple[int, bytes]]:
    received = b""
    found: list[tuple[int, bytes]] = []
    while len(found) < count:
        received += connection.recv(65536)
        while b"\r\n\r\n" in received:
            head, _, rest = received.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            assert length is not None
            if len(rest) < int(length[1]):
                break
            found.append((int(head[9:12]), rest[: int(length[1])]))
            received = rest[int(length[1]) :]
    return found


def _exchange(connection: socket.socket, packets: Sequence[bytes], count: int) -> list[int]:
    for packet in packets:
        connection.sendall(packet)
    return [status for status, _ in _receive(connection, count)]


def test_each_request_of_a_connection_is_answered_as_its_own(port: int) -> None:
    """Heads that come again, split, pipelined, chunked or without a key: none lends its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(3):
            for packets, statuses in CHECKED:
                assert _exchange(connection, packets, len(statuses)) == statuses, packets


def test_bodies_of_one_head_are_kept_apart(port: int) -> None:
    """Two prompts of the same length are sent with one head, and give two generations."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        made = set()
        for prompt in ("b one", "b two", "b one"):
            connection.sendall(_post(prompt))
            ((_, body),) = _receive(connection, 1)
            made.add(json.loads(body)["id"])
    assert len(made) == 3


def test_a_head_is_found_with_a_whole_body_alone() -> None:
    """A known head whose body is incomplete, or is followed by more, is left to the parser."""
    heads = KnownHeads()
    heads.learn(HEAD + b"body", SCOPE, b"body")
    found = heads.find(HEAD + b"next")
    assert found is not None
    assert found[0].scope == SCOPE
    assert found[1] == b"next"
    assert heads.find(HEAD + b"nex") is None
    assert heads.find(HEAD + b"next ") is None
    assert heads.find(HEAD[:-1]) is None


@pytest.mark.parametrize(
    ("data", "scope", "body"),
    [
        (HEAD + b"body", SCOPE, b"other"),
        (HEAD + b"body", SCOPE | {"http_version": "1.0"}, b"body"),
        (HEAD, SCOPE | {"headers": [(b"transfer-encoding", b"chunked")]}, b""),
        (HEAD, SCOPE | {"headers": [(b"upgrade", b"h2c")]}, b""),
        (HEAD[:-4] + b"\r\nX-Long: %b\r\n\r\nbody" % (b"x" * 4000), SCOPE, b"body"),
    ],
    ids=["other body", "HTTP/1.0", "chunked", "upgrade", "long"],
)
def test_a_head_with_another_end_is_not_kept(
    data: bytes, scope: dict[str, Any], body: bytes
) -> None:
    """What decides the end of a message otherwise than by its length is parsed each time."""
    heads = KnownHeads()
    heads.learn(data, scope, body)
    assert heads.find(data) is None
