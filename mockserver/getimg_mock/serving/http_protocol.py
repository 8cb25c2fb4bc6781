"""HTTP on a connection: uvicorn's protocol, with getimg.ai's error envelope for invalid HTTP."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from getimg_mock.api.error_envelope import render_problem
from getimg_mock.api.raw_connection import WIRE
from getimg_mock.errors import Refusal
from getimg_mock.serving.buffered_transport import BufferedTransport
from getimg_mock.serving.http_1_0 import serve_http_1_0

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

_LOGGER = logging.getLogger("getimg_mock")
_LOGGER.addHandler(logging.NullHandler())

# Bytes of a request line and its headers. One read of the event loop may exceed it by 256 KiB.
_LONGEST_HEAD: Final = 1024 * 1024


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
        self._ended = False
        self._running: RequestResponseCycle | None = None
        # The headers of a request that offers an upgrade, while it is parsed again without.
        self._offered: list[tuple[bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(transport)
        self._outgoing = BufferedTransport(transport, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._outgoing.unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse bytes; a head that exceeds the limit is refused, as it would fill the memory."""
        self._unset_keepalive_if_required()
        size = len(data)
        try:
            while data:
                data = self._parse(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        self._head += size
        if self._head > _LONGEST_HEAD and not self._in_body:
            self._refuse(431, "The headers of this request are larger than 1 MiB.")

    def _parse(self, data: bytes) -> bytes:
        """Parse bytes and return those that follow an offer to upgrade, which are HTTP/1.1 too."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as found:
            # The parser takes what follows the head for another protocol. A new one gets the
            # head without the offer: RFC 9110 7.8 lets a server ignore it.
            self._restart_parser(self.headers)
            return data[found.args[0] :]
        return b""

    def _restart_parser(self, headers: list[tuple[bytes, bytes]]) -> None:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        if method == b"CONNECT":
            raise httptools.HttpParserError("There are no tunnels here.")
        kept = [b"%b: %b\r\n" % each for each in headers if each[0] != b"upgrade"]
        head = b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(kept))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(head)

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio's own type; uvicorn's is None
        """Answer the complete requests of a client that has stopped sending, then close."""
        self._ended = True
        self._outgoing.end_input()
        cycle: RequestResponseCycle | None = self.cycle
        last = cycle
        if cycle is not None and cycle.more_body:
            # This request is incomplete, so it gets no answer; those before it do.
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
                last = self.pipeline[0][0] if self.pipeline else self._running
            else:
                last = None
        if last is None or last.response_complete:
            # Closing now would lose what this turn of the event loop still writes.
            self.loop.call_soon(self._outgoing.close)
        else:
            last.keep_alive = False
            self._watch_ended()
        # TLS has no half-closed connections: the transport closes when the client stops sending.
        return self.transport.get_extra_info("sslcontext") is None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)
        if self._ended:
            self._watch_ended()

    def _watch_ended(self) -> None:
        if self._running is not None and not self._running.response_started:
            self._outgoing.watch_ended()

    def pause_writing(self) -> None:
        """Wait until the client reads, for a bounded time."""
        super().pause_writing()
        self._outgoing.watch_reader()

    def resume_writing(self) -> None:
        """Continue to write."""
        self._outgoing.unwatch()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._head, self._in_body = 0, False
        self.scope[WIRE] = self._outgoing  # type: ignore[typeddict-unknown-key]

    def on_headers_complete(self) -> None:
        """Begin to answer a request."""
        if self.parser.should_upgrade():
            self._offered = self.headers
            return
        if self._offered is not None:
            self.headers[:] = self._offered
            self._offered = None
        self._in_body = True
        super().on_headers_complete()
        self.cycle.transport = self._outgoing  # type: ignore[assignment]
        if self.expect_100_continue:
            # A client that gets its response before it sends the body does not send the body, so
            # the next bytes of the connection would be ambiguous.
            self.cycle.keep_alive = False
        elif self.scope["http_version"] == "1.0":
            serve_http_1_0(self.cycle, keep_alive=self.parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if self._offered is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._offered is None:
            super().on_message_complete()

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
