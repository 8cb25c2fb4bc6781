"""Bodies are sent in the ways that HTTP has: with a length, in chunks, in pieces, after 100."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from getimg_mock.contract.model_choice import build_small_request, find_cheapest
from getimg_mock.contract.plans import encode_body
from getimg_mock.contract.targets import persistent_connection
from getimg_mock.contract.targets.execution import PreparedRequest
from getimg_mock.contract.targets.persistent_connection import PersistentConnection
from getimg_mock.serving.server import MockServer
from tests.contract.provider.fixed_plans import MODELS, is_broken, run_plan

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


def answer_at_the_end(seen: list[bytes]) -> str:
    """Return the address of a server that never says 100, and answers when the body has come."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listener, listener.accept()[0] as client:
            while BODY not in b"".join(seen):
                seen.append(client.recv(65536))
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("delivery", ["pieces", "expect"])
def test_a_server_that_never_says_100_is_noticed(
    delivery: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 9110: it must say it, or give a final answer; patient clients wait for ever."""
    monkeypatch.setattr(persistent_connection, "_MAX_CONTINUE", 0.01)
    connection = PersistentConnection(answer_at_the_end([]), stopwatch=lambda: 0.0)
    got = connection.exchange(PreparedRequest("POST", PATH, HEADERS, BODY, delivery))
    connection.close()
    assert got.status == 200
    assert got.unwelcome is (delivery == "expect")


def test_what_was_waited_for_in_vain_fails() -> None:
    """GP114: the status alone does not show it."""
    history = run_plan("bodies in parts")
    late = [replace(each, unwelcome=each.number == 3) for each in history]
    assert not is_broken("GP114", history)
    assert is_broken("GP114", replace(history, exchanges=tuple(late), own=False))


def serve(answer: bytes, seen: list[bytes]) -> str:
    """Return the address of a server that gives each connection one answer, and keeps the heads."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        for _ in range(2):
            with listener.accept()[0] as client, suppress(ConnectionError):
                seen.append(client.recv(65536))
                client.sendall(answer)
        listener.close()

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_an_abandoned_answer_is_not_read_to_its_end() -> None:
    """Its connection is closed: the next request has a new one."""
    seen: list[bytes] = []
    url = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(9_000_000), seen)
    connection = PersistentConnection(url, stopwatch=lambda: 0.0)
    begun = connection.exchange(PreparedRequest("GET", "/file", (), None, "abandoned"))
    whole = connection.exchange(PreparedRequest("GET", "/file", (), None))
    connection.close()
    assert (begun.status, whole.status) == (200, 200)
    assert 0 < len(begun.body) <= 65536 < len(whole.body)
    assert len(seen) == 2


def test_a_request_of_an_older_version_is_one_without_chunks() -> None:
    """RFC 9112: who speaks HTTP/1.0 cannot read them; the version is that of one request only."""
    seen: list[bytes] = []
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"
    connection = PersistentConnection(serve(chunked, seen), stopwatch=lambda: 0.0)
    got = connection.exchange(PreparedRequest("GET", "/v2/models", (), None, "http/1.0"))
    connection.exchange(PreparedRequest("GET", "/v2/models", (), None))
    connection.close()
    assert [each.partition(b"\r\n")[0][-8:] for each in seen] == [b"HTTP/1.0", b"HTTP/1.1"]
    assert all(each.lower().count(b"\r\nhost:") == 1 for each in seen)
    history = run_plan("the catalogue")
    old = [
        replace(each, headers=(*each.headers, *got.headers))
        if each.step and each.step.delivery
        else each
        for each in history
    ]
    assert not is_broken("GP114", history)
    assert is_broken("GP114", replace(history, exchanges=tuple(old)))
