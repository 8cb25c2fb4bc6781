"""The fault server on a port."""

from __future__ import annotations

import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest

from getimg_mock.contract.clients.cases.case_rules import BASE, KEY
from getimg_mock.contract.clients.fault_serving.fault_server import FaultServer
from getimg_mock.contract.clients.fault_serving.socket_server import SocketServer
from getimg_mock.world.clock import VirtualClock, stopwatch


def _connect(server: SocketServer) -> bool:
    """Connect; return whether an answer comes to a request."""
    address = urlsplit(server.url)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=5) as made:
        made.sendall(b"GET /v2/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return made.recv(100).startswith(b"HTTP/1.1 ")


def test_a_server_that_goes_away_refuses_connections_and_comes_back() -> None:
    """Nobody else can get its port meanwhile."""
    clock = VirtualClock()
    with SocketServer(clock) as server:
        server.adversary = FaultServer(
            clock=clock, key=KEY, base=BASE, stop_listening=server.stop_listening
        )
        assert _connect(server)
        server.adversary.go_away(0.3)
        with pytest.raises(ConnectionRefusedError):
            _connect(server)
        until, answered = stopwatch() + 10, False
        while not answered and stopwatch() < until:
            with suppress(OSError):
                answered = _connect(server)
        assert answered
