"""A connection without a socket: what an application sends, as a client would receive it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

from getimg_mock.api.raw_connection import WIRE
from getimg_mock.errors import GetimgMockError

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.types import Message, Scope

    Headers = list[tuple[bytes, bytes]]

_BODILESS: Final = frozenset({204, 304})


class WireError(GetimgMockError):
    """Something that a client's socket would have shown instead of an answer."""


class ResetError(WireError):
    """The connection was reset by the peer."""


class DisconnectedError(WireError):
    """The peer closed before a complete answer, or sent what is not HTTP."""


class TimedOutError(WireError):
    """Nothing came for as long as the client was ready to wait."""


class Request(NamedTuple):
    """What a client sends. `target` is path and query as they stand on the request line.

    `headers` have names in lower case. `timeout` is how many seconds the client waits for the next
    bytes of the answer; None is for ever.
    """

    method: str
    scheme: str
    host: str
    port: int
    target: bytes
    headers: Headers
    body: bytes = b""
    timeout: float | None = None


class _Mark:
    """What an application's coroutine yields where it waits for its client."""

    __slots__ = ()

    def __await__(self) -> Generator[_Mark, None, None]:
        yield self


# A piece of the body is out, and the client has its turn.
SENT: Final = _Mark()
# The application listens to a client that has nothing more to say.
LISTENING: Final = _Mark()


class Line:
    """One request and its answer between an application and a client, on no socket at all.

    The application has `scope()`, `receive` and `send`, and as its wire `write`, `reset` and
    `close`. The client has the rest: `status`, `headers`, `chunks`, and `error` where the line
    broke after them; `is_over` at the proper end; and sets `is_gone` when it goes away.
    """

    __slots__ = (
        "_asked",
        "_expected",
        "_parser",
        "_received",
        "_request",
        "chunks",
        "error",
        "headers",
        "is_gone",
        "is_over",
        "status",
    )

    def __init__(self, request: Request) -> None:
        self.status: int | None = None
        self.headers: Headers = []
        self.chunks: deque[bytes] = deque()
        self.error: WireError | None = None
        self.is_over = False
        self.is_gone = False
        self._request = request
        self._asked = False
        self._expected: int | None = None
        self._received = 0
        self._parser: Any = None

    def scope(self) -> Scope:
        """Return what the application is told about the request."""
        request = self._request
        path, _, query = request.target.partition(b"?")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.scheme,
            "path": unquote(path.decode("ascii", "replace")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": request.headers,
            "client": ("127.0.0.1", 0),
            "server": (request.host, request.port),
            WIRE: self,
        }

    async def receive(self) -> Message:
        """Return the request, and after it nothing until the client goes away."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        while not self.is_gone:
            await LISTENING
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the answer; suspends after each piece of the body but the last."""
        if self.is_gone:
            return
        if message["type"] == "http.response.start":
            self._begin(message["status"], list(message["headers"]))
        elif message["type"] == "http.response.body" and not self.is_over:
            self._take(message.get("body", b""))
            if message.get("more_body", False):
                await SENT
            elif self._expected is not None and self._received < self._expected:
                self.fail(DisconnectedError(self._incomplete()))
            else:
                self.is_over = True

    def write(self, data: bytes) -> None:
        """Take bytes past the protocol, as a client's parser would."""
        if self._parser is None:
            self._parser = _parser(self._request)
        self._parse(data)

    def reset(self) -> None:
        """Break off, as a reset by the peer."""
        self.fail(ResetError("[Errno 104] Connection reset by peer"))

    def close(self) -> None:
        """Close in good order, whatever is still owed."""
        if self._parser is not None and not self.is_over:
            self._parse(b"")
        elif self.status is None:
            self.fail(DisconnectedError("Server disconnected without sending a response."))
        else:
            self.fail(DisconnectedError(self._incomplete()))

    def fail(self, error: WireError) -> None:
        """Break with `error`, after what was sent before it."""
        if not self.is_over and self.error is None:
            self.error = error

    def _begin(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        if self._request.method == "HEAD" or status in _BODILESS:
            return
        for name, value in headers:
            if name == b"content-length":
                self._expected = int(value)
                return
        headers.append((b"transfer-encoding", b"chunked"))

    def _take(self, data: bytes) -> None:
        if data:
            self._received += len(data)
            self.chunks.append(data)

    def _incomplete(self) -> str:
        # The words of h11, which is what speaks on httpx's sockets.
        if self._expected is None:
            what = "incomplete chunked read"
        else:
            what = f"received {self._received} bytes, expected {self._expected}"
        return f"peer closed connection without sending complete message body ({what})"

    def _parse(self, data: bytes) -> None:
        """Read raw bytes of an answer; no bytes are its end."""
        import h11  # noqa: PLC0415 - comes with uvicorn; few tests break the wire

        if self.is_over or self.error is not None:
            return
        if not data and self._parser.their_state is h11.SEND_RESPONSE:
            # What httpcore says, before h11 could.
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


def _parser(request: Request) -> Any:
    """Return a parser of answers that has seen this request go out."""
    import h11  # noqa: PLC0415 - see above

    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=request.method, target="/", headers=[("host", "fake")]))
    parser.send(h11.EndOfMessage())
    return parser
