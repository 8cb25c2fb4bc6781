"""HTTP on a connection: uvicorn's protocol, with getimg.ai's error envelope for invalid HTTP."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from getimg_mock.api.error_envelope import render_problem
from getimg_mock.api.raw_connection import DIRECT, FIELDS, WIRE, ZERO_COPY
from getimg_mock.errors import Refusal
from getimg_mock.serving import eager_start
from getimg_mock.serving.buffered_transport import BufferedTransport
from getimg_mock.serving.file_sending import can_send_files
from getimg_mock.serving.http_1_0 import serve_http_1_0
from getimg_mock.serving.known_heads import KnownHeads
from getimg_mock.serving.plain_answers import PlainAnswers
from getimg_mock.serving.request_cycle import LOGGER, RequestCycle

if TYPE_CHECKING:
    import asyncio
    from collections import deque

    from uvicorn._types import HTTPScope
    from uvicorn.config import Config
    from uvicorn.server import ServerState


# Bytes of a request line and its headers. One read of the event loop may exceed it by 256 KiB.
_LONGEST_HEAD: Final = 1024 * 1024
# Since when a connection is idle that is not.
_BUSY: Final = math.inf
_FILES: Final[dict[str, dict[str, str]]] = {ZERO_COPY: {}}
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


class HttpProtocol(PlainAnswers, HttpToolsProtocol):
    """One connection. The scope of its requests has the wire under it, for faults of the socket."""

    app: Any  # an Application, in types that are not uvicorn's
    cycle: RequestCycle
    pipeline: deque[tuple[RequestCycle, Any]]  # type: ignore[assignment] # uvicorn's cycles
    scope: Any

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config=config, server_state=server_state, app_state=app_state)
        self.logger = self.access_logger = LOGGER
        self.access_log = False
        self._head = 0
        self._in_body = False
        self._ended = False
        self._running: RequestCycle | None = None
        # A complete request that begins when the bytes that have come are parsed.
        self._ready: RequestCycle | None = None
        self._idle_since = _BUSY
        # Whether the parser has seen whole requests alone.
        self._between = True
        self._known_heads = KnownHeads()
        # The headers of a request that offers an upgrade, while it is parsed again without.
        self._offered: list[tuple[bytes, bytes]] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(transport)
        self._outgoing = BufferedTransport(transport, self.loop)
        self._extensions = _FILES if can_send_files(transport) else {}

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._outgoing.unwatch()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Parse bytes; a head that exceeds the limit is refused, as it would fill the memory."""
        self._idle_since = _BUSY
        began_between = self._between
        if began_between and self._known_heads and self.cycle.response_complete:
            known = self._known_heads.find(data)
            if known is not None:
                self._answer_known(*known)
                return
        size = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as found:
            self._ignore_offer(data[found.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        self._head += size
        if self._head > _LONGEST_HEAD and not self._in_body:
            self._refuse(431, "The headers of this request are larger than 1 MiB.")
        if self._ready is not None:
            cycle, self._ready = self._ready, None
            if began_between and self._between and cycle is self.cycle:
                self._learn_head(cycle, data)
            self._begin(cycle)

    def _learn_head(self, cycle: RequestCycle, data: bytes) -> None:
        """Keep the head of a request whose bytes came alone and at once."""
        if cycle.keep_alive and not cycle.waiting_for_100_continue and self._offered is None:
            scope = {name: value for name, value in cycle.scope.items() if name != DIRECT}
            self._known_heads.learn(data, scope, bytes(cycle.body))

    def _ignore_offer(self, rest: bytes) -> None:
        """Parse the bytes that follow an offer to upgrade, which are HTTP/1.1 too."""
        try:
            # The parser takes what follows the head for another protocol. A new one gets the
            # head without the offer: RFC 9110 7.8 lets a server ignore it.
            self._restart_parser(self.headers)
            while rest:
                try:
                    self.parser.feed_data(rest)
                except httptools.HttpParserUpgrade as found:
                    self._restart_parser(self.headers)
                    rest = rest[found.args[0] :]
                else:
                    return
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

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
        cycle: RequestCycle | None = self.cycle
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

    def _begin(self, cycle: RequestCycle) -> None:
        """Begin to answer a request; most are answered when this returns."""
        self._running = cycle
        endpoint = None if cycle.more_body else self.app.find_endpoint(cycle.scope)
        if endpoint is None:
            task = self.loop.create_task(cycle.run_asgi(self.app))
            self._note_task(task)
            task.add_done_callback(lambda _task: cycle.scope.clear())
        elif DIRECT in cycle.scope and endpoint.answer_at_once(cycle.scope, cycle):
            cycle.scope.clear()
        else:
            # The scope and its cycle refer to each other: without this, each request would leave
            # garbage that only a search finds.
            end = cycle.scope.clear
            eager_start.start(cycle.run_asgi(endpoint), self.loop, self._note_task, end)

    def _note_task(self, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
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
        self._head, self._in_body = 0, False
        self._between = False
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin to answer a request."""
        parser = self.parser
        if parser.should_upgrade():
            self._offered = self.headers
            return
        if self._offered is not None:
            self.headers[:] = self._offered
            self._offered = None
        self._in_body = True
        before: RequestCycle | None = self.cycle
        version = parser.get_http_version()
        # Of equal names the first wins, so it is inserted last.
        fields = dict(reversed(self.headers))
        cycle = self.cycle = RequestCycle(
            self._build_scope(parser, version, fields),
            self._outgoing,
            self.flow,
            self.on_response_complete,
        )
        cycle.keep_alive = version != "1.0" and parser.should_keep_alive()
        if b"expect" in fields and self._expects_continue():
            cycle.waiting_for_100_continue = True
            # A client that gets its response before it sends the body does not send the body, so
            # the next bytes of the connection would be ambiguous.
            cycle.stays_when_whole, cycle.keep_alive = cycle.keep_alive, False
        elif version == "1.0":
            serve_http_1_0(cycle, keep_alive=parser.should_keep_alive())
        else:
            self.scope[DIRECT] = cycle
        if before is None or before.response_complete:
            self._ready = cycle
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _expects_continue(self) -> bool:
        return any(
            value.lower() == b"100-continue" for name, value in self.headers if name == b"expect"
        )

    def _build_scope(self, parser: Any, version: str, fields: dict[bytes, bytes]) -> HTTPScope:
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        self.scope = scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
            FIELDS: fields,
            WIRE: self._outgoing,
            "extensions": self._extensions,
        }
        return scope  # type: ignore[return-value] # it has keys of ours

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        cycle = self.cycle
        if self._offered is not None or cycle.response_complete:
            return
        cycle.add_body(body)
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """End a request."""
        self._between = True
        if self._offered is None and not self.cycle.response_complete:
            if self.cycle.stays_when_whole:
                self.cycle.keep_alive = True
            self.cycle.more_body = False
            self.cycle.notify()

    def on_response_complete(self) -> None:
        """Begin to answer the next of several requests, or wait for one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, _ = self.pipeline.pop()
            self._running = cycle
            # In its own turn: thousands of requests may have come at once.
            self.loop.call_soon(self._begin, cycle)
        else:
            self._idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._watch_idle(self.timeout_keep_alive)

    def _watch_idle(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if no request has come for long; else look again later.

        One timer serves many requests: making one for each would take longer.
        """
        self.timeout_keep_alive_task = None
        if self._idle_since is _BUSY:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._watch_idle(left)
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Respond to bytes that are not an HTTP request, and close the connection."""
        cycle: RequestCycle | None = self.cycle
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
