"""The writing side of a connection: joins writes, drops stalled readers, detects lost clients."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.serving.connection_reset import reset_on_close

if TYPE_CHECKING:
    import asyncio

# Larger responses are written in pieces, so that a slow reader does not keep them in memory.
_SEGMENT: Final = 64 * 1024
# Every response begins with these bytes, so they may be sent before the rest is known.
_PREFIX: Final = b"HTTP/1.1 "
# Real seconds. A client that has only stopped sending gets most answers before the first.
_PROBE_AFTER: Final = 0.1
_PROBE_EVERY: Final = 0.5
# Real seconds without one byte read by the client, after which its connection is reset.
STALL_SECONDS: Final = 30.0


class BufferedTransport:
    """Sends what one turn of the event loop writes as one segment.

    uvicorn writes the head and the body of a response separately, which costs a second system call.
    This replaces the transport for writing and closing; other attributes are the transport's.
    """

    __slots__ = (
        "_closes_with_client",
        "_ended",
        "_held",
        "_loop",
        "_probed",
        "_size",
        "_timer",
        "_transport",
    )

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0
        self._probed = self._ended = self._closes_with_client = False
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes) -> None:
        """Send bytes, at the latest at the end of this turn of the event loop."""
        if self._probed:
            self._probed = False
            data = data.removeprefix(_PREFIX)
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > _SEGMENT:
            self.flush()

    def write_whole(self, data: bytes) -> None:
        """Send a whole response, now if nothing was held back."""
        if self._held or self._probed or self._transport.is_closing():
            self.write(data)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send the bytes that were held back."""
        if self._held:
            held, size = self._held, self._size
            self._held = []
            self._size = 0
            if self._transport.is_closing():
                return
            if size > _SEGMENT:
                # Joined, large files would be copied.
                self._transport.writelines(held)
            else:
                self._transport.write(b"".join(held))

    def close(self) -> None:
        """Send the bytes that were held back, and close the connection."""
        self.flush()
        self._transport.close()

    def reset(self) -> None:
        """Reset the connection."""
        reset_on_close(self._transport.get_extra_info("socket"))
        self._transport.abort()

    def close_with_client(self) -> None:
        """Close the connection as soon as the client stops sending: no more bytes follow."""
        self._closes_with_client = True
        if self._ended:
            self.close()

    def end_input(self) -> None:
        """Note that the client has stopped sending."""
        self._ended = True
        if self._closes_with_client:
            self._loop.call_soon(self.close)

    def watch_reader(self) -> None:
        """Reset the connection when its client reads nothing for `STALL_SECONDS`.

        Call it when the transport's buffer is full, and `unwatch` when it has room again.
        """
        self._schedule(STALL_SECONDS, self._check_progress, self.get_write_buffer_size())

    def watch_ended(self) -> None:
        """Abort the connection if the client, which has stopped sending, does not receive either.

        TCP tells the two apart only when bytes are sent, so the first bytes of the response are.
        """
        self._schedule(_PROBE_AFTER, self._probe)

    def unwatch(self) -> None:
        """End `watch_reader` and `watch_ended`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, seconds: float, check: Any, *arguments: Any) -> None:
        self.unwatch()
        self._timer = self._loop.call_later(seconds, check, *arguments)

    def _check_progress(self, size: int) -> None:
        left = self._transport.get_write_buffer_size()
        if self._transport.is_closing() and not left:
            return
        if left < size:
            self._schedule(STALL_SECONDS, self._check_progress, left)
        else:
            self.reset()

    def _probe(self) -> None:
        if not self._transport.is_closing():
            self._probed = True
            self._transport.write(_PREFIX)
            self._schedule(_PROBE_EVERY / 10, self._check_lost)

    def _check_lost(self) -> None:
        if self._transport.is_closing():
            return
        connection = self._transport.get_extra_info("socket")
        if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._transport.abort()
        else:
            self._schedule(_PROBE_EVERY, self._check_lost)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
