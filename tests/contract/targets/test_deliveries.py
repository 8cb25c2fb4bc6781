"""Bodies are sent in the ways that HTTP has: with a length, in chunks, in pieces, after 100."""

from __future__ import annotations

import socket
import threading

import pytest

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import encode_body
from getimg_mock.contract.targets.execution import PreparedRequest
from getimg_mock.contract.targets.persistent_connection import PersistentConnection
from getimg_mock.serving.server import MockServer
from tests.contract.provider.fixed_plans import MODELS

BODY = encode_body(build_small_request(find_cheapest(MODELS, "image")))
HEADERS = (("authorization", "Bearer sk_parts"), ("content-type", "application/json"))
PATH = "/v2/images/generations"


@pytest.mark.parametrize("delivery", ["", "chunked", "pieces", "expect"])
def test_the_fake_takes_a_body_however_it_comes(delivery: str) -> None:
    """A second request on the same connection shows that the first was read to its end."""
    with MockServer(quiet=True) as server:
        connection = PersistentConnection(server.url, stopwatch=lambda: 0.0)
        for _ in range(2):
            got = connection.exchange(PreparedRequest("POST", PATH, HEADERS, BODY, delivery))
            assert got.status == 200, got.body
        connection.close()


def refuse_expectations(seen: list[bytes]) -> str:
    """Return the address of a server that answers 417 to a head, and keeps what it got."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listener, listener.accept()[0] as client:
            seen.append(client.recv(65536))
            client.sendall(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
            seen.append(client.recv(65536))

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_final_answer_to_expect_ends_the_request() -> None:
    """RFC 9110: the body is not sent when the head was refused."""
    seen: list[bytes] = []
    connection = PersistentConnection(refuse_expectations(seen), stopwatch=lambda: 0.0)
    got = connection.exchange(PreparedRequest("POST", PATH, HEADERS, BODY, "expect"))
    connection.close()
    assert got.status == 417
    assert b"expect: 100-continue" in seen[0]
    assert BODY not in b"".join(seen)
