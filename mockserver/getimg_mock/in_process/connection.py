"""A connection without a socket: what an ASGI application sends, as an HTTP client receives it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from getimg_mock.api.raw_connection import DIRECT, WIRE
from getimg_mock.errors import GetimgMockError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from starlette.types import Message, Scope

    from getimg_mock.world.journal import Headers

_BODILESS: Final = frozenset({204, 304})


class WireError(GetimgMockError):
    """The connection failed; adapters raise the error of their client library for it."""


class ResetError(WireError):
    """The server reset the connection."""


class DisconnectedError(WireError):
    """The server closed the connection before a complete response, or sent invalid HTTP."""


class TimedOutError(WireError):
    """The server sent nothing for as long as the client's timeout."""


class Request(NamedTuple):
    """What a client sends. `target` is path and query as in the request line.

    `headers` have names in lower case. `body` is sent as one message, or as one for each piece.
    `timeout` is how many seconds the client waits for the next bytes of the response; None waits
    for ever. With `is_complete=False` the client disconnects after `body`, before its end.
    """

    method: str
    scheme: str
    host: str
    port: int
    target: bytes
    headers: Headers
    body: bytes | Sequence[bytes] = b""
    timeout: float | None = None
    is_complete: bool = True


class _Suspension:
    """What an application's coroutine yields where it waits for the client."""

    __slots__ = ()

    def __await__(self) -> Generator[_Suspension, None, None]:
        yield self


# A piece of the body was sent; the client continues.
SENT: Final = _Suspension()
# The application waits for a message of a client that has sent its whole request.
LISTENING: Final = _Suspension()


class InMemoryConnection:
    """One request and its response, between an application and a client without a socket.

    The application uses `scope()`, `receive` and `send`, and as its wire `write`, `reset` and
    `close`. The client reads `status`, `headers` and `chunks`; `error` if the connection failed
    after them; `is_over` once the response is complete. It sets `is_gone` when it disconnects.
    """

    __slots__ = (
        "_expected",
        "_parser",
        "_pieces",
        "_received",
        "_request",
        "chunks",
        "error",
        "headers",
        "is_gone",
        "is_over",
        "status",
    )

    # A synchronous client has none.
    runs_in_event_loop = False

    def __init__(self, request: Request) -> None:
        self.status: int | None = None
        self.headers: Headers = []
        self.chunks: deque[bytes] = deque()
        self.error: WireError | None = None
        self.is_over = False
        self.is_gone = False
        self._request = request
        body = request.body
        self._pieces = deque([body] if isinstance(body, bytes) else body or [b""])
        self._expected: int | None = None
        self._received = 0
        self._parser: Any = None

    def scope(self) -> Scope:
        """Return the ASGI scope of the request."""
        request = self._request
        path, _, query = request.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": request.headers,
            "client": ("127.0.0.1", 0),
            "server": (request.host, request.port),
            WIRE: self,
            DIRECT: self,
        }

    def take_body(self) -> bytes | None:
        """Return the whole body if nothing of it was received yet and it is one piece."""
        if len(self._pieces) != 1 or not self._request.is_complete:
            return None
        return self._pieces.popleft()

    def respond(self, status: int, headers: Headers, body: bytes) -> bool:
        """Take a whole response; `send` takes it from a client that has gone, or a HEAD."""
        if self.is_gone or self.status is not None or self._request.method == "HEAD":
            return False
        if status in _BODILESS:
            return False
        self.status = status
        self.headers = [*headers, (b"content-length", b"%d" % len(body))]
        self._take(body)
        self.is_over = True
        return True

    async def receive(self) -> Message:
        """Return the next part of the request; after it, wait until the client disconnects."""
        if self._pieces:
            piece = self._pieces.popleft()
            more = bool(self._pieces) or not self._request.is_complete
            return {"type": "http.request", "body": piece, "more_body": more}
        while self._request.is_complete and not self.is_gone:
            await LISTENING
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the response; suspends after each piece of the body but the last.

        Raises `RuntimeError` for messages out of order, as servers do.
        """
        if self.is_gone:
            return
        kind = message["type"]
        if kind != ("http.response.start" if self.status is None else "http.response.body"):
            raise RuntimeError(f"Unexpected ASGI message {kind!r}: status {self.status} was sent.")
        if kind == "http.response.start":
            self._begin(message["status"], list(message.get("headers", ())))
        elif not self.is_over:
            self._take(message.get("body", b""))
            if message.get("more_body", False):
                await SENT
            elif self._expected is not None and self._received < self._expected:
                self.fail(DisconnectedError(self._incomplete()))
            else:
                self.is_over = True

    def write(self, data: bytes) -> None:
        """Take raw bytes of a response, parsed as a client would parse them."""
        if self._parser is None:
            self._parser = _create_parser(self._request)
        self._parse(data)

    def reset(self) -> None:
        """Reset the connection."""
        self.fail(ResetError("[Errno 104] Connection reset by peer"))

    def close(self) -> None:
        """Close the connection, even before the end of the response."""
        if self._parser is not None and not self.is_over:
            self._parse(b"")
        elif self.status is None:
            self.fail(DisconnectedError("Server disconnected without sending a response."))
        else:
            self.fail(DisconnectedError(self._incomplete()))

    def close_with_client(self) -> None:
        """Do nothing: a client in this process does not stop sending without closing."""

    def fail(self, error: WireError) -> None:
        """Fail with `error`, after what was sent before it."""
        if not self.is_over and self.error is None:
            self.error = error

    def _begin(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        if self._request.method == "HEAD" or status in _BODILESS:
            return
        for name, value in headers:
            if name.lower() == b"content-length":
                self._expected = int(value)
                return
        headers.append((b"transfer-encoding", b"chunked"))

    def _take(self, data: bytes) -> None:
        if data:
            self._received += len(data)
            self.chunks.append(data)

    def _incomplete(self) -> str:
        # The message of h11, which httpx's own connections use.
        if self._expected is None:
            what = "incomplete chunked read"
        else:
            what = f"received {self._received} bytes, expected {self._expected}"
        return f"peer closed connection without sending complete message body ({what})"

    def _parse(self, data: bytes) -> None:
        """Parse raw bytes of a response; no bytes are its end."""
        import h11  # noqa: PLC0415 - few tests use faults of the connection

        if self.is_over or self.error is not None:
            return
        if not data and self._parser.their_state is h11.SEND_RESPONSE:
            # The message of httpcore, which notices this before h11.
            self.fail(DisconnectedError("Server disconnected without sending a response."))
            return
        try:
            self._parser.receive_data(data)
            while True:
                event = self._parser.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                if isinstance(event, h11.Response):
                    self.status, self.headers = event.status_code, event.headers.raw_items()
                elif isinstance(event, h11.Data):
                    self._take(bytes(event.data))
                elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
                    self.is_over = True
                    return
        except h11.RemoteProtocolError as error:
            self.fail(DisconnectedError(str(error)))


def _create_parser(request: Request) -> Any:
    """Return a parser of responses that has sent this request."""
    import h11  # noqa: PLC0415 - see above

    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=request.method, target="/", headers=[("host", "fake")]))
    parser.send(h11.EndOfMessage())
    return parser
