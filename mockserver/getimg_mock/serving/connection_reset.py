"""Resets TCP connections, so that their other end sees ECONNRESET."""

from __future__ import annotations

import socket
import struct


def reset_on_close(connection: socket.socket) -> None:
    """Let the coming close of a socket send RST instead of FIN: its linger time becomes zero."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
