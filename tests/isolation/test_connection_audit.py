"""During a run against a paid service, every connection passes the budget's gate."""

from __future__ import annotations

import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from getimg_mock.isolation.connection_audit import audit_connections
from getimg_mock.isolation.socket_hooks import allow_connections


def test_a_connection_that_bypasses_the_gate_is_refused_and_recorded() -> None:
    """Even a connection to this machine: the target of a run may listen here."""
    with socket.create_server(("127.0.0.1", 0)) as server, audit_connections() as audit:
        port = server.getsockname()[1]
        with pytest.raises(ConnectionRefusedError, match="bypasses the budget's gate"):
            socket.create_connection(("127.0.0.1", port))
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert audit.refused == [f"127.0.0.1:{port}"]


def test_a_refusal_that_the_caller_swallows_is_recorded() -> None:
    """GH005 counts attempts, whatever the library that made them does with the error."""
    with audit_connections() as audit:
        with pytest.raises(OSError, match="bypasses"):
            urllib.request.urlopen("http://127.0.0.1:9/")
        with socket.socket() as own, pytest.raises(ConnectionRefusedError):
            own.connect_ex(("192.0.2.1", 80))
    assert audit.refused == ["127.0.0.1:9", "192.0.2.1:80"]


def test_connections_through_the_gate_are_allowed_in_their_thread_only() -> None:
    """The allowance of one request must not let others of the same moment pass."""
    inside, done = threading.Event(), threading.Event()

    def pass_gate(port: int) -> None:
        with allow_connections():
            inside.set()
            done.wait(5)
            socket.create_connection(("127.0.0.1", port)).close()

    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        audit_connections() as audit,
        ThreadPoolExecutor(1) as pool,
    ):
        port = server.getsockname()[1]
        passing = pool.submit(pass_gate, port)
        assert inside.wait(5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        done.set()
        passing.result()
    assert audit.refused == [f"127.0.0.1:{port}"]


def test_a_name_look_up_and_a_unix_socket_are_no_connections_to_a_service() -> None:
    """Only what could reach a paid service counts."""
    with audit_connections() as audit, socket.socket(socket.AF_UNIX) as own:
        socket.getaddrinfo("127.0.0.1", 80)
        with pytest.raises(FileNotFoundError):
            own.connect("/nonexistent/socket")
    assert audit.refused == []


def test_after_the_audit_connections_are_free() -> None:
    """The interpreter's audit hook stays, and refuses nothing without a policy."""
    with audit_connections() as audit:
        pass
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    assert audit.refused == []
