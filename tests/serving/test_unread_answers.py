"""Readers that do not read cost little memory, and keep no other client waiting."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest

from getimg_mock import MockServer
from tests.serving.wire import BODY, KEY

READERS = 100
# Four megabytes of requests with their answers, which each reader asks for as a whole.
REQUESTS = 70
STYLE = b"x" * 60_000
MIB = 1024 * 1024


def read_memory() -> int:
    """Return the bytes of memory that this process, with its server, has in use."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("only Linux tells the memory in use at present")
    return int(statm.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    "path", ["/journal", "/journal/export", "/journal/export?format=ndjson", "/journal/tail"]
)
def test_unread_answers_are_not_built(path: str) -> None:
    """A hundred clients ask for a long answer and leave it; another one is served meanwhile."""
    with MockServer(image_seconds=0) as server, ExitStack() as stack:
        host, port = server.url.removeprefix("http://").split(":")
        other = HTTPConnection(host, int(port), timeout=60)
        stack.callback(other.close)
        head = {"Authorization": "Bearer sk_socket", "Content-Type": "application/json"}
        body = BODY.replace(b"{", b'{"style": "%s", ' % STYLE, 1)
        for _ in range(REQUESTS):
            other.request("POST", "/v2/images/generations", body, head)
            assert other.getresponse().read()
        before = read_memory()
        for _ in range(READERS):
            reader = stack.enter_context(socket.create_connection((host, int(port))))
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(b"GET /__mock__%s HTTP/1.1\r\n%s\r\n" % (path.encode(), KEY))
        for _ in range(20):
            other.request("GET", "/v2/models", headers=head)
            answer = other.getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
        assert read_memory() - before < READERS * MIB / 2
