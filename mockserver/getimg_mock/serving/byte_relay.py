"""Carries bytes between two connections, unchanged: backpressure, half-close and resets, too."""

from __future__ import annotations

import asyncio
from typing import Any

from getimg_mock.serving.connection_reset import reset_on_close


class ByteRelay(asyncio.Protocol):
    """One end of a relay; `pair` joins it to the other."""

    def __init__(self) -> None:
        self._transport: Any = None
        self._peer: ByteRelay | None = None

    def pair(self, other: ByteRelay) -> None:
        """Join two ends."""
        self._peer, other._peer = other, self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to relay."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Send what was received to the other end."""
        if self._peer is not None:
            self._peer.send(data)

    def eof_received(self) -> bool:
        """Stop sending at the other end, which may still answer."""
        if self._peer is not None:
            self._peer.end_output()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end, or reset it if this one was reset."""
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.leave(reset=exc is not None)

    def pause_writing(self) -> None:
        """Stop reading at the other end, so that memory stays bounded."""
        if self._peer is not None:
            self._peer.read(running=False)

    def resume_writing(self) -> None:
        """Read again at the other end."""
        if self._peer is not None:
            self._peer.read(running=True)

    def read(self, *, running: bool) -> None:
        """Read at this end, or stop."""
        if not self._transport.is_closing():
            (self._transport.resume_reading if running else self._transport.pause_reading)()

    def send(self, data: bytes) -> None:
        """Send bytes at this end."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def end_output(self) -> None:
        """Send no more at this end."""
        if not self._transport.is_closing():
            self._transport.write_eof()

    def leave(self, *, reset: bool) -> None:
        """Close or reset this end, as the other was."""
        self._peer = None
        if reset:
            reset_connection(self._transport)
        else:
            self._transport.close()


def reset_connection(transport: Any) -> None:
    """Reset a connection, so that its client sees ECONNRESET."""
    connection = transport.get_extra_info("socket")
    if connection is not None and not transport.is_closing():
        reset_on_close(connection)
    transport.abort()
