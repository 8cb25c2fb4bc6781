"""HTTP on a connection: uvicorn's protocol, with getimg.ai's error envelope for invalid HTTP."""

from __future__ import annotations

import logging
import socket
import struct
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from getimg_mock.api.error_envelope import render_problem
from getimg_mock.api.raw_connection import WIRE
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

_LOGGER = logging.getLogger("getimg_mock")
_LOGGER.addHandler(logging.NullHandler())

# Larger responses are written in pieces, so that a slow reader does not keep them in memory.
_SEGMENT: Final = 64 * 1024
# Bytes of a request line and its headers. One read of the event loop may exceed it by 256 KiB.
_LONGEST_HEAD: Final = 1024 * 1024


class BufferedTransport:
    """Sends what one turn of the event loop writes as one segment.

    uvicorn writes the head and the body of a response separately, which costs a second system call.
    This replaces the transport for writing and closing; other attributes are the transport's.
    """

    __slots__ = ("_held", "_loop", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Send bytes, at the latest at the end of this turn of the event loop."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > _SEGMENT:
            self.flush()

    def flush(self) -> None:
        """Send the bytes that were held back."""
        if self._held:
            held = b"".join(self._held)
            self._held.clear()
            self._size = 0
            if not self._transport.is_closing():
                self._transport.write(held)

    def close(self) -> None:
        """Send the bytes that were held back, and close the connection."""
        self.flush()
        self._transport.close()

    def reset(self) -> None:
        """Reset the connection."""
        connection = self._transport.get_extra_info("socket")
        # A linger time of zero makes the socket send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HttpProtocol(HttpToolsProtocol):
    """One connection. The scope of its requests has the wire under it, for faults of the socket."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self.logger = self.access_logger = _LOGGER
        self.access_log = False
        self._head = 0
        self._in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(transport)
        self._outgoing = BufferedTransport(transport, self.loop)

    def data_received(self, data: bytes) -> None:
        """Parse bytes; a head that exceeds the limit is refused, as it would fill the memory."""
        super().data_received(data)
        self._head += len(data)
        if self._head > _LONGEST_HEAD and not self._in_body:
            self._refuse(431, "The headers of this request are larger than 1 MiB.")

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio's own type; uvicorn's is None
        """Send the responses that are ready, if the client has only stopped sending."""
        # Closing now would lose what this turn of the event loop still writes.
        self.loop.call_soon(self._outgoing.close)
        return True

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._head, self._in_body = 0, False
        self.scope[WIRE] = self._outgoing  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        """Begin to answer a request."""
        self._in_body = True
        super().on_headers_complete()
        self.cycle.transport = self._outgoing  # type: ignore[assignment]
        if self.expect_100_continue:
            # A client that gets its response before it sends the body does not send the body, so
            # the next bytes of the connection would be ambiguous.
            self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:
        """Respond to bytes that are not an HTTP request, and close the connection."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not (cycle.response_complete or cycle.more_body):
            # They follow a complete request, whose response is sent first and closes.
            cycle.keep_alive = False
        else:
            self._refuse(400, msg)

    def _refuse(self, status: int, message: str) -> None:
        answer = render_problem(Refusal("invalid_parameter", message))
        lines = [b"%b: %b\r\n" % header for header in answer.headers]
        self._outgoing.write(
            b"%b%bcontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (STATUS_LINE[status], b"".join(lines), len(answer.body), answer.body)
        )
        self._outgoing.close()
