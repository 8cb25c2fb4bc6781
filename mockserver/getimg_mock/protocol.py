"""HTTP on a connection: uvicorn's protocol, with getimg.ai's envelope for what is not HTTP."""

from __future__ import annotations

import logging
import socket
import struct
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from getimg_mock.api.problems import problem
from getimg_mock.api.wire import WIRE
from getimg_mock.errors import Refusal

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.server import ServerState

_LOGGER = logging.getLogger("getimg_mock")
_LOGGER.addHandler(logging.NullHandler())


class SocketWire:
    """The connection under an answer, for faults that need it."""

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._transport.write(data)

    def reset(self) -> None:
        """Break the connection off: the client sees it reset by its peer."""
        connection = self._transport.get_extra_info("socket")
        # To linger for no time is how a socket is told to send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close(self) -> None:
        """Close the connection cleanly once all that was written is out."""
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """One connection; the scope of its requests gives access to the wire under it."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self.logger = self.access_logger = _LOGGER
        self.access_log = False

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope[WIRE] = SocketWire(self.transport)  # type: ignore[typeddict-unknown-key]

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not an HTTP request, and close."""
        answer = problem(Refusal("invalid_parameter", msg))
        lines = [b"%b: %b\r\n" % header for header in answer.headers]
        self.transport.write(
            b"%b%bcontent-length: %d\r\nconnection: close\r\n\r\n%b"
            % (STATUS_LINE[400], b"".join(lines), len(answer.body), answer.body)
        )
        self.transport.close()
