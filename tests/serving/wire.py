"""Sends raw bytes to a server, and reads all that it sends."""

from __future__ import annotations

import re
import socket

KEY = b"Host: fake.test\r\nAuthorization: Bearer sk_socket\r\n"
JSON = b"Content-Type: application/json\r\n"
BODY = b'{"model": "z-image-turbo", "prompt": "x"}'


def connect_and_send(port: int, *pieces: bytes) -> socket.socket:
    """Return a connection on which the pieces were sent, each as its own segment."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        connection.sendall(piece)
    return connection


def read_to_end(connection: socket.socket) -> bytes:
    """Return all bytes until the server closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def exchange(port: int, *pieces: bytes, half_close: bool = False) -> bytes:
    """Send pieces, each as its own segment, and return all bytes until the server closes."""
    with connect_and_send(port, *pieces) as connection:
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return read_to_end(connection)


def expect_first(port: int, head: tuple[bytes, ...], body: bytes) -> bytes:
    """Send a head with `Expect: 100-continue`, the body when the server asks for it, and no more.

    Returns all bytes until the server closes.
    """
    with connect_and_send(port, *head) as connection:
        received = connection.recv(65536)
        if received.startswith(b"HTTP/1.1 100 ") and body:
            connection.sendall(body)
        connection.shutdown(socket.SHUT_WR)
        return received + read_to_end(connection)


def find_statuses(received: bytes) -> list[int]:
    """Return the status of each response, in order."""
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
