"""The fake without a socket: one request in, one answer out, and the body as it comes.

An application's coroutine is stepped by hand, without a thread and without an event loop; code of
the fake suspends only on its clock, on a full answer, and on a client that does not go away. So
the same exchange serves synchronous clients, asyncio and trio. What a socket would have shown
(a reset, a close, silence) is raised as a `WireError`, for adapters to say it in the words of
their client library.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import unquote

from getimg_mock.api.wire import WIRE
from getimg_mock.errors import GetimgMockError
from getimg_mock.media.rendering import stepped
from getimg_mock.world.clock import Pause

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Generator, Iterator

    from starlette.types import ASGIApp, Message, Scope

    from getimg_mock.world.clock import VirtualClock

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


class EndlessWaitError(GetimgMockError):
    """No answer will ever come, and the client has no timeout: it would wait for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
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


class Wait(NamedTuple):
    """The exchange goes on when `seconds` have passed on `clock`, or it was changed by hand.

    `pause` says how to notice that; without `seconds` nothing else ends the wait.
    """

    clock: VirtualClock | None
    seconds: float | None
    pause: Pause | None = None


class Patience(Protocol):
    """How a client's waiting is done."""

    @property
    def left_behind(self) -> list[Exchange]:
        """Requests whose clients have gone while the fake was waiting; it finishes them in time."""

    @property
    def clock(self) -> VirtualClock | None:
        """The clock that passes while a client waits in vain."""

    def wait(self, wait: Wait) -> None:
        """Return when it is over, for synchronous clients."""

    async def wait_async(self, wait: Wait) -> None:
        """Return when it is over, for asynchronous clients."""


class Jumping:
    """Patience that costs no time: a clock that stands still is moved; a running one runs on."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock
        self.left_behind: list[Exchange] = []

    def wait(self, wait: Wait) -> None:
        """Move a clock that stands still, or block this thread until it is there."""
        if not _jumped(wait):
            _block(wait)

    async def wait_async(self, wait: Wait) -> None:
        """Move a clock that stands still, or wait without holding up asyncio's or trio's loop."""
        if _jumped(wait):
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            from anyio.to_thread import run_sync  # noqa: PLC0415 - trio: who runs it has anyio

            await run_sync(_block, wait, abandon_on_cancel=True)
        else:
            if wait.clock is not None:
                await _sleep_in_loop(wait, wait.clock)


def _jumped(wait: Wait) -> bool:
    clock, seconds = wait.clock, wait.seconds
    if clock is None or seconds is None or (clock.rate and not clock.autojump):
        return clock is None
    clock.advance_to(clock.now() + timedelta(seconds=seconds))
    return True


def _block(wait: Wait) -> None:
    if wait.seconds is None and wait.pause is not None:
        wait.pause.wait()
    elif wait.clock is not None and wait.seconds is not None:
        wait.clock.block_until(wait.clock.now() + timedelta(seconds=wait.seconds))


async def _sleep_in_loop(wait: Wait, clock: VirtualClock) -> None:
    if wait.seconds is None and wait.pause is not None:
        await clock.pause(None, wait.pause.changes)
    elif wait.seconds is not None:
        await clock.sleep_until(clock.now() + timedelta(seconds=wait.seconds))


class _Mark:
    """What the application's coroutine yields where it waits for its client."""

    __slots__ = ()

    def __await__(self) -> Generator[_Mark, None, None]:
        yield self


_SENT: Final = _Mark()
_LISTENING: Final = _Mark()


class _Wire:
    """The connection, for faults that are no ASGI messages."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._exchange.raw(data)

    def reset(self) -> None:
        """Reset the connection."""
        self._exchange.broken(ResetError("[Errno 104] Connection reset by peer"))

    def close(self) -> None:
        """Close the connection in good order."""
        self._exchange.closed()


class Exchange:
    """One request on its way through an application, stepped as far as somebody asks."""

    def __init__(self, app: ASGIApp, request: Request, patience: Patience) -> None:
        self.status: int | None = None
        self.headers: Headers = []
        self._request = request
        self._patience = patience
        self._chunks: deque[bytes] = deque()
        self._error: WireError | None = None
        self._over = False
        self._asked = False
        self._gone = False
        self._waited = 0.0
        self._due: Any = None
        self._expected: int | None = None
        self._received = 0
        self._parser: Any = None
        self._context = copy_context()
        self._coroutine: Coroutine[Any, Any, None] = app(  # type: ignore[assignment]
            _scope(request, self), self._receive, self._send
        )
        self._running = True

    def head(self) -> Generator[Wait, None, None]:
        """Go on until status and headers are there; raises `WireError` if they will not come."""
        while self.status is None:
            self._raise_error()
            yield from self._steps()

    def chunk(self) -> Generator[Wait, None, bytes | None]:
        """Go on until there are further bytes of the body; return them, or None at its end."""
        while not self._chunks:
            self._raise_error()
            if self._over:
                return None
            yield from self._steps()
        return self._chunks.popleft()

    def close(self) -> None:
        """Go away: what is left of the answer is made, as a server would, but not waited for."""
        if not self._running or self._gone:
            return
        self._gone = True
        self.go_on()
        if self._running:
            self._patience.left_behind.append(self)

    def go_on(self) -> bool:
        """Do what there is to do by now for a client that has gone; return whether that is all."""
        while self._running:
            due = self._due
            if isinstance(due, Pause) and (due.moment is None or due.moment > due.clock.now()):
                return False
            self._due = self._step()
        return True

    def abort(self) -> None:
        """Stop the application where it is."""
        self._context.run(self._coroutine.close)
        self._running = False

    def raw(self, data: bytes) -> None:
        """Take bytes that were written past the protocol."""
        if self._parser is None:
            self._parser = _parser(self._request)
        self._parsed(data)

    def broken(self, error: WireError) -> None:
        """End the exchange with `error`, after what was sent before it."""
        if not self._over and self._error is None:
            self._error = error

    def closed(self) -> None:
        """Take note that the peer closed the connection."""
        if self._parser is not None and not self._over:
            self._parsed(b"")
        elif self.status is None:
            text = "Server disconnected without sending a response."
            self.broken(DisconnectedError(text))
        else:
            self.broken(DisconnectedError(self._incomplete()))

    def _raise_error(self) -> None:
        if self._error is not None:
            self.close()
            raise self._error

    def _steps(self) -> Iterator[Wait]:
        """Step the application once, waiting before it for what it last asked to wait for."""
        due, self._due = self._due, None
        if due is not None:
            yield from self._waits(due)
            if self._error is not None:
                return
        suspended = self._step()
        if suspended is not None and suspended is not _SENT:
            self._due = suspended
        if not self._running and not self._over and self._error is None:
            self.closed()

    def _step(self) -> Any:
        """Run the application until it suspends, and return on what; None when it has ended."""
        loop = asyncio._get_running_loop()  # noqa: SLF001 - documented for those who run coroutines
        if loop is not None:
            asyncio._set_running_loop(None)  # noqa: SLF001 - the loop cannot resume what we step
        try:
            return self._context.run(_stepped, self._coroutine)
        except StopIteration:
            self._running = False
            return None
        except BaseException:
            self._running = False
            raise
        finally:
            if loop is not None:
                asyncio._set_running_loop(loop)  # noqa: SLF001 - see above

    def _waits(self, due: Any) -> Iterator[Wait]:
        """Yield what to wait for; raises `TimedOutError` when that is longer than the client."""
        pause = due if isinstance(due, Pause) else None
        clock = pause.clock if pause else self._patience.clock
        left = None
        if self._request.timeout is not None:
            left = max(0.0, self._request.timeout - self._waited)
        seconds = None
        if pause is not None and pause.moment is not None:
            seconds = max(0.0, (pause.moment - pause.clock.now()).total_seconds())
        if pause is None and left is None:
            self.close()
            raise EndlessWaitError(
                "This request would wait for ever: the fake sends nothing more and the client has "
                "no timeout. Give the client one."
            )
        in_vain = left is not None and (seconds is None or seconds > left)
        began = clock.now() if clock else None
        yield Wait(clock, left if in_vain else seconds, pause)
        passed = (clock.now() - began).total_seconds() if clock and began else left or 0.0
        self._waited += passed
        # Somebody may have changed the clock meanwhile; then the application looks again.
        if in_vain and left is not None and passed >= left:
            self.broken(TimedOutError("The read operation timed out"))

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._request.body, "more_body": False}
        while not self._gone:
            await _LISTENING
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone:
            return
        self._waited = 0.0
        if message["type"] == "http.response.start":
            self._started(message["status"], list(message["headers"]))
        elif message["type"] == "http.response.body" and not self._over:
            self._took(message.get("body", b""))
            if message.get("more_body", False):
                await _SENT
            elif self._expected is not None and self._received < self._expected:
                self.broken(DisconnectedError(self._incomplete()))
            else:
                self._over = True

    def _started(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers
        if self._request.method == "HEAD" or status in _BODILESS:
            return
        for name, value in headers:
            if name == b"content-length":
                self._expected = int(value)
                return
        headers.append((b"transfer-encoding", b"chunked"))

    def _took(self, data: bytes) -> None:
        if data:
            self._received += len(data)
            self._chunks.append(data)

    def _incomplete(self) -> str:
        # The words of h11, which is what speaks on httpx's sockets.
        if self._expected is None:
            what = "incomplete chunked read"
        else:
            what = f"received {self._received} bytes, expected {self._expected}"
        return f"peer closed connection without sending complete message body ({what})"

    def _parsed(self, data: bytes) -> None:
        """Read raw bytes of an answer, as a client's parser would; no bytes are its end."""
        import h11  # noqa: PLC0415 - comes with uvicorn; few tests break the wire

        if self._over or self._error is not None:
            return
        try:
            if not data and self._parser.their_state is h11.SEND_RESPONSE:
                text = "Server disconnected without sending a response."
                raise h11.RemoteProtocolError(text)  # noqa: TRY301 - as httpcore says it
            self._parser.receive_data(data)
            while (event := self._parser.next_event()) not in {h11.NEED_DATA, h11.PAUSED}:
                if isinstance(event, h11.Response):
                    self.status, self.headers = event.status_code, event.headers.raw_items()
                elif isinstance(event, h11.Data):
                    self._took(bytes(event.data))
                elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)):
                    self._over = True
                    return
        except h11.RemoteProtocolError as error:
            self.broken(DisconnectedError(str(error)))


def _stepped(coroutine: Coroutine[Any, Any, None]) -> Any:
    with stepped():
        return coroutine.send(None)


def _scope(request: Request, exchange: Exchange) -> Scope:
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
        WIRE: _Wire(exchange),
    }


def _parser(request: Request) -> Any:
    """Return a parser of answers that has seen this request go out."""
    import h11  # noqa: PLC0415 - see above

    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method=request.method, target="/", headers=[("host", "fake")]))
    parser.send(h11.EndOfMessage())
    return parser


@dataclass(frozen=True, slots=True)
class Response:
    """An answer whose body may still be on its way.

    Iterate over it once for the body's bytes; `close()` when the rest of them is of no interest.
    """

    status: int
    headers: Headers
    _exchange: Exchange
    _patience: Patience

    def __iter__(self) -> Iterator[bytes]:
        while (data := _driven(self._exchange.chunk(), self._patience)) is not None:
            yield data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (data := await _awaited(self._exchange.chunk(), self._patience)) is not None:
            yield data

    def close(self) -> None:
        """Give up what has not been read; harmless at the end."""
        self._exchange.close()


def exchange(app: ASGIApp, request: Request, patience: Patience | None = None) -> Response:
    """Return the application's answer; raises `WireError` where a socket would have broken.

    Returns as soon as status and headers are there.
    """
    patience = patience or Jumping()
    finish_left_behind(patience)
    under_way = Exchange(app, request, patience)
    try:
        _driven(under_way.head(), patience)
    except BaseException:
        under_way.close()
        raise
    return _response(under_way, patience)


async def exchange_async(
    app: ASGIApp, request: Request, patience: Patience | None = None
) -> Response:
    """Return what `exchange` returns, waiting as asyncio or trio does."""
    patience = patience or Jumping()
    finish_left_behind(patience)
    under_way = Exchange(app, request, patience)
    try:
        await _awaited(under_way.head(), patience)
    except BaseException:
        under_way.close()
        raise
    return _response(under_way, patience)


def finish_left_behind(patience: Patience) -> None:
    """Let requests whose clients have gone go on as far as their clocks have come."""
    if patience.left_behind:
        patience.left_behind[:] = [each for each in patience.left_behind if not each.go_on()]


def _response(under_way: Exchange, patience: Patience) -> Response:
    if under_way.status is None:
        raise AssertionError("an exchange has a head before it has an answer")
    return Response(under_way.status, under_way.headers, under_way, patience)


def _driven(steps: Any, patience: Patience) -> Any:
    while True:
        try:
            wait = next(steps)
        except StopIteration as end:
            return end.value
        patience.wait(wait)


async def _awaited(steps: Any, patience: Patience) -> Any:
    while True:
        try:
            wait = next(steps)
        except StopIteration as end:
            return end.value
        await patience.wait_async(wait)
