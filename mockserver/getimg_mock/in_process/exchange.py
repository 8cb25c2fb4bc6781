"""An ASGI application without a socket: one request, its response, and the body as it is sent.

The application's coroutine is stepped by hand, without a thread and without an event loop. The fake
suspends only on its clock, on a piece of the body, and on a client that stays connected. So one
exchange serves synchronous clients, asyncio and trio.

`exchange` and `exchange_async` return a response as a client receives it; a connection that fails
raises a `WireError`, which adapters turn into the error of their client library.
`call_application` returns all that an application sent, without judging it.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from getimg_mock.errors import GetimgMockError
from getimg_mock.in_process.connection import (
    SENT,
    DisconnectedError,
    InMemoryConnection,
    Request,
    ResetError,
    TimedOutError,
    WireError,
)
from getimg_mock.media.rendering import render_synchronously
from getimg_mock.world.clock import Pause

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Generator, Iterator

    from starlette.types import ASGIApp

    from getimg_mock.world.clock import VirtualClock
    from getimg_mock.world.journal import Headers

__all__ = [
    "AdvanceClock",
    "ClockWait",
    "DisconnectedError",
    "EndlessWaitError",
    "InMemoryConnection",
    "InProcessExchange",
    "Request",
    "ResetError",
    "Response",
    "TimedOutError",
    "WaitStrategy",
    "WireError",
    "call_application",
    "exchange",
    "exchange_async",
    "finish_left_behind",
]


class EndlessWaitError(GetimgMockError):
    """No response will ever come, and the client has no timeout."""


class ClockWait(NamedTuple):
    """The exchange continues when `seconds` have passed on `clock`, or the clock was changed.

    `pause` notices such a change; without `seconds` nothing else ends the wait.
    """

    clock: VirtualClock | None
    seconds: float | None
    pause: Pause | None = None


class WaitStrategy(Protocol):
    """How a client waits for the fake."""

    @property
    def left_behind(self) -> list[InProcessExchange]:
        """Requests whose clients have disconnected while the fake was waiting."""

    @property
    def clock(self) -> VirtualClock | None:
        """The clock that runs while a client waits for nothing."""

    def wait(self, wait: ClockWait) -> None:
        """Return at the end of the wait, for synchronous clients."""

    async def wait_async(self, wait: ClockWait) -> None:
        """Return at the end of the wait, for asynchronous clients."""


class AdvanceClock:
    """Waits without real time if the clock does not run, by moving it; else in real time."""

    def __init__(self, clock: VirtualClock | None = None) -> None:
        self.clock = clock
        self.left_behind: list[InProcessExchange] = []

    def wait(self, wait: ClockWait) -> None:
        """Move a clock that does not run, or block this thread until the time has passed."""
        if not _jump(wait):
            _block(wait)

    async def wait_async(self, wait: ClockWait) -> None:
        """Move a clock that does not run, or wait without blocking the loop of asyncio or trio."""
        if _jump(wait):
            return
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            from anyio.to_thread import run_sync  # noqa: PLC0415 - only under trio

            await run_sync(_block, wait, abandon_on_cancel=True)
        else:
            if wait.clock is not None:
                await _sleep_in_loop(wait, wait.clock)


class InProcessExchange:
    """One request to an application, stepped as far as the client reads the response."""

    def __init__(self, app: ASGIApp, request: Request, patience: WaitStrategy) -> None:
        self.connection = InMemoryConnection(request)
        self._timeout = request.timeout
        self._patience = patience
        self._waited = 0.0
        self._due: Any = None
        # A context of its own, since another task than the one that began may read the body.
        self._context = copy_context()
        self._context.run(render_synchronously)
        connection, scope = self.connection, self.connection.scope()
        # An application of ours names the endpoint of most requests, which a server calls as well.
        find_endpoint = getattr(app, "find_endpoint", None)
        endpoint: ASGIApp = (find_endpoint and find_endpoint(scope)) or app
        self._coroutine: Coroutine[Any, Any, None] = endpoint(  # type: ignore[assignment]
            scope, connection.receive, connection.send
        )
        self._running = True

    def begin(self) -> bool:
        """Step the application once; return whether that has brought status and headers.

        Most requests end with this step, without a generator for waits that do not occur.
        """
        self._take_step()
        return self.connection.status is not None

    def take_whole(self) -> bytes | None:
        """Return the body where the response is complete already, else None."""
        connection = self.connection
        if self._running or connection.error is not None or not connection.is_over:
            return None
        chunks = connection.chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        return body

    def receive_head(self) -> Generator[ClockWait, None, None]:
        """Continue until status and headers are sent; raises `WireError` if they never are."""
        while self.connection.status is None:
            self._raise_error()
            yield from self._step_when_due()

    def receive_chunk(self) -> Generator[ClockWait, None, bytes | None]:
        """Continue until the next bytes of the body; return them, or None at its end."""
        while not self.connection.chunks:
            self._raise_error()
            if self.connection.is_over:
                return None
            yield from self._step_when_due()
        self._waited = 0.0
        return self.connection.chunks.popleft()

    def whole(self) -> Generator[ClockWait, None, None]:
        """Continue until the application has ended, or the connection has failed."""
        while self._running and self.connection.error is None:
            yield from self._step_when_due()
        self.close()

    def close(self) -> None:
        """Disconnect: the application finishes, as on a server, without being waited for."""
        if self._running and not self.connection.is_gone:
            self.connection.is_gone = True
            if not self.resume():
                self._patience.left_behind.append(self)

    def resume(self) -> bool:
        """Step the application as far as its clock has come; return whether it has ended."""
        while self._running:
            due = self._due
            if isinstance(due, Pause) and (due.moment is None or due.moment > due.clock.now()):
                return False
            self._due = self._step()
        return True

    @property
    def pause(self) -> Pause | None:
        """What the application waits for, if it waits for its clock."""
        return self._due if isinstance(self._due, Pause) else None

    def abort(self) -> None:
        """Stop the application where it is."""
        if self._running:
            self._running = False
            self._context.run(self._coroutine.close)

    def __del__(self) -> None:
        self.abort()

    def _raise_error(self) -> None:
        if self.connection.error is not None:
            self.close()
            raise self.connection.error

    def _step_when_due(self) -> Iterator[ClockWait]:
        """Step the application once, after waiting for what it suspended on last."""
        due, self._due = self._due, None
        if due is not None:
            yield from self._wait_for(due)
            if self.connection.error is not None:
                self._due = due
                return
        self._take_step()

    def _take_step(self) -> None:
        suspended = self._step()
        if suspended is not None:
            if suspended is not SENT:
                self._due = suspended
        elif not self._running:
            connection = self.connection
            if not connection.is_over and connection.error is None:
                connection.close()

    def _step(self) -> Any:
        """Run the application until it suspends; return on what, or None when it has ended."""
        loop = asyncio._get_running_loop()  # noqa: SLF001 - documented for code that runs coroutines
        if loop is not None:
            asyncio._set_running_loop(None)  # noqa: SLF001 - the loop cannot resume what we step
        try:
            return self._context.run(self._coroutine.send, None)
        except StopIteration:
            self._running = False
            return None
        except BaseException:
            self._running = False
            raise
        finally:
            if loop is not None:
                asyncio._set_running_loop(loop)  # noqa: SLF001 - see above

    def _wait_for(self, due: Any) -> Iterator[ClockWait]:
        """Yield what to wait for; fails the connection if the client's timeout is shorter."""
        pause = due if isinstance(due, Pause) else None
        clock = pause.clock if pause else self._patience.clock
        left = None if self._timeout is None else max(0.0, self._timeout - self._waited)
        seconds = None
        if pause is not None and pause.moment is not None:
            seconds = max(0.0, (pause.moment - pause.clock.now()).total_seconds())
        if pause is None and left is None:
            self.close()
            raise EndlessWaitError(
                "This request would wait for ever: the fake sends nothing more, and the client has "
                "no timeout. Set a timeout on the client."
            )
        in_vain = left is not None and (seconds is None or seconds > left)
        began = clock.now() if clock else None
        yield ClockWait(clock, left if in_vain else seconds, pause)
        passed = (clock.now() - began).total_seconds() if clock and began else left or 0.0
        self._waited += passed
        # The clock may have been changed meanwhile; then the application looks again.
        if in_vain and left is not None and passed >= left:
            self.connection.fail(TimedOutError("The read operation timed out"))


class Response:
    """A response whose body may still be under way.

    Iterate over it once for the bytes of the body; `close()` it to leave the rest unread.
    """

    __slots__ = ("_exchange", "_patience", "headers", "status")

    def __init__(self, under_way: InProcessExchange, patience: WaitStrategy) -> None:
        self.status: int = under_way.connection.status or 0
        self.headers: Headers = under_way.connection.headers
        self._exchange = under_way
        self._patience = patience

    def take_whole(self) -> bytes | None:
        """Return the whole body where it is there already; then nothing is left to iterate over."""
        return self._exchange.take_whole()

    def __iter__(self) -> Iterator[bytes]:
        while (data := _drive(self._exchange.receive_chunk(), self._patience)) is not None:
            yield data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (
            data := await _drive_async(self._exchange.receive_chunk(), self._patience)
        ) is not None:
            yield data

    def close(self) -> None:
        """Disconnect, without reading the rest; does nothing at the end of the body."""
        self._exchange.close()


def exchange(app: ASGIApp, request: Request, patience: WaitStrategy | None = None) -> Response:
    """Return the application's response as soon as its status and headers are sent.

    Raises `WireError` where a connection on a socket would have failed.
    """
    patience = patience or AdvanceClock()
    if patience.left_behind:
        finish_left_behind(patience)
    under_way = InProcessExchange(app, request, patience)
    try:
        if not under_way.begin():
            _drive(under_way.receive_head(), patience)
    except BaseException:
        under_way.close()
        raise
    return Response(under_way, patience)


async def exchange_async(
    app: ASGIApp, request: Request, patience: WaitStrategy | None = None
) -> Response:
    """Return what `exchange` returns; asyncio or trio runs other tasks while it waits."""
    patience = patience or AdvanceClock()
    if patience.left_behind:
        finish_left_behind(patience)
    under_way = InProcessExchange(app, request, patience)
    try:
        if not under_way.begin():
            await _drive_async(under_way.receive_head(), patience)
    except BaseException:
        under_way.close()
        raise
    return Response(under_way, patience)


def call_application(
    app: ASGIApp, request: Request, patience: WaitStrategy | None = None
) -> InMemoryConnection:
    """Run `app` to its end, waiting as it asks to, and return the connection.

    A connection that failed is not raised: `error` has it, and what was sent before it is there.
    """
    patience = patience or AdvanceClock()
    under_way = InProcessExchange(app, request, patience)
    _drive(under_way.whole(), patience)
    return under_way.connection


def finish_left_behind(patience: WaitStrategy) -> None:
    """Step requests whose clients have disconnected as far as their clocks have come."""
    patience.left_behind[:] = [each for each in patience.left_behind if not each.resume()]


def _drive(steps: Any, patience: WaitStrategy) -> Any:
    while True:
        try:
            wait = next(steps)
        except StopIteration as end:
            return end.value
        patience.wait(wait)


async def _drive_async(steps: Any, patience: WaitStrategy) -> Any:
    while True:
        try:
            wait = next(steps)
        except StopIteration as end:
            return end.value
        await patience.wait_async(wait)


def _jump(wait: ClockWait) -> bool:
    clock, seconds = wait.clock, wait.seconds
    if clock is None or seconds is None or (clock.rate and not clock.autojump):
        return clock is None
    clock.advance_to(clock.now() + timedelta(seconds=seconds))
    return True


def _block(wait: ClockWait) -> None:
    if wait.seconds is None and wait.pause is not None:
        wait.pause.wait()
    elif wait.clock is not None and wait.seconds is not None:
        wait.clock.block_until(wait.clock.now() + timedelta(seconds=wait.seconds))


async def _sleep_in_loop(wait: ClockWait, clock: VirtualClock) -> None:
    if wait.seconds is None and wait.pause is not None:
        await clock.pause(None, wait.pause.changes)
    elif wait.seconds is not None:
        await clock.sleep_until(clock.now() + timedelta(seconds=wait.seconds))
