"""Answers are read as they are meant, and bounded in size and in total time."""

from __future__ import annotations

import socket
import threading
from itertools import count
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.targets import persistent_connection
from getimg_mock.contract.targets.execution import PreparedRequest
from getimg_mock.contract.targets.persistent_connection import PersistentConnection, retry_read

if TYPE_CHECKING:
    from collections.abc import Iterator

READ = PreparedRequest("GET", "/v2/models", (("authorization", "Bearer sk_a"),), None)
FILE = PreparedRequest("GET", "/v2/downloads/req-1/0", (), None)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def serve(chunks: Iterator[bytes]) -> str:
    """Return the address of a server that sends `chunks` to its first client until it hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with listener, listener.accept()[0] as client:
            client.recv(65536)
            try:
                for chunk in chunks:
                    client.sendall(chunk)
            except OSError:
                return

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def endless() -> Iterator[bytes]:
    """Yield an answer without an end."""
    yield HEAD + b"\r\n"
    while True:
        yield b"[" * 65536


@pytest.mark.parametrize(("sent", "limit"), [(READ, "_MAX_ANSWER"), (FILE, "_MAX_MEDIA")])
def test_an_endless_answer_is_given_up(
    sent: PreparedRequest, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read up to its limit, and is then no answer."""
    monkeypatch.setattr(persistent_connection, limit, 2 << 20)
    connection = PersistentConnection(serve(endless()), stopwatch=lambda: 0.0)
    got = connection.exchange(sent)
    assert (got.status, got.body) == (0, b"HTTPException: the answer has more than 2 MiB")


@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 200 OK\r\n", HEAD + b"\r\n"])
def test_a_drip_is_given_up_in_total_time(before: bytes) -> None:
    """One byte after the other resets no limit: in the status line, the headers, or the body."""
    seconds = count(0.0, 1.0)

    def drip() -> Iterator[bytes]:
        yield before
        while True:
            yield b"x"

    connection = PersistentConnection(serve(drip()), stopwatch=lambda: next(seconds))
    got = connection.exchange(READ)
    assert got.status == 0
    assert next(seconds) < 100


def test_interim_responses_come_before_the_answer() -> None:
    """RFC 9110 15.2: a client must be able to parse them, and may ignore those it does not know."""
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    parts = iter(
        [b"HTTP/1.1 100 Continue\r\n\r\n", hints, hints, HEAD + b"Content-Length: 2\r\n\r\n[]"]
    )
    connection = PersistentConnection(serve(parts), stopwatch=lambda: 0.0)
    got = connection.exchange(READ)
    connection.close()
    assert (got.status, got.body) == (200, b"[]")
    assert got.headers == (("content-type", "application/json"), ("content-length", "2"))


def test_an_answer_that_is_cut_off_is_none() -> None:
    """Fewer bytes than Content-Length is not the whole answer."""
    parts = iter([HEAD + b"Content-Length: 50\r\n\r\n", b"[1]"])
    connection = PersistentConnection(serve(parts), stopwatch=lambda: 0.0)
    assert connection.exchange(READ).body.startswith(b"IncompleteRead")


def test_an_answer_that_breaks_off_is_not_asked_for_again() -> None:
    """The other side has ended it: another try would hide that files come in part."""
    address = serve(iter([HEAD + b"Content-Length: 10\r\n\r\nhalf"]))
    connection = PersistentConnection(address, stopwatch=lambda: 0.0)
    got = retry_read(lambda: connection.exchange(FILE), "GET")
    assert (got.status, got.body[:14]) == (0, b"IncompleteRead")


def test_spaces_around_a_value_are_not_of_it() -> None:
    """RFC 9110, section 5.5: tabs too, and none is as good as one."""
    answer = b"HTTP/1.1 200 OK\r\nX-RateLimit-Limit:\t180 \t\r\nContent-Length:2  \r\n\r\n{}"
    connection = PersistentConnection(serve(iter([answer])), stopwatch=lambda: 0.0)
    got = connection.exchange(READ)
    connection.close()
    assert dict(got.headers) == {"x-ratelimit-limit": "180", "content-length": "2"}
    assert got.body == b"{}"
