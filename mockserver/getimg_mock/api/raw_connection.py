"""Access to the socket of a request, for faults that ASGI cannot express."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from getimg_mock.errors import GetimgMockError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from starlette.types import Receive

    from getimg_mock.world.journal import Headers

_T = TypeVar("_T")

# The key of a scope's `Wire`, if the host provides one.
WIRE: Final = "getimg_mock.wire"
# The key of a scope's headers by their names, if the host has them: of equal names, the first.
FIELDS: Final = "getimg_mock.fields"
# The key of a scope's `DirectExchange`, if the host provides one.
DIRECT: Final = "getimg_mock.direct"
# The name of ASGI's extension that sends an open file, and the type of its message.
ZERO_COPY: Final = "http.response.zerocopysend"
NO_WIRE: Final = (
    "Socket faults need getimg-mock's own server: use `getimg-mock serve`, MockServer, or the "
    "in-process transports."
)
"""What to do under another ASGI host."""


class ClientGoneError(Exception):
    """The client disconnected before its request was answered."""


class Wire(Protocol):
    """A connection, for faults of the transport."""

    def write(self, data: bytes) -> None:
        """Send raw bytes."""

    def reset(self) -> None:
        """Reset the connection, so that the client sees ECONNRESET."""

    def close(self) -> None:
        """Close the connection cleanly, even if the answer is incomplete."""

    def close_with_client(self) -> None:
        """Close the connection as soon as the client stops sending: no more bytes follow."""


class DirectExchange(Protocol):
    """A short way for requests and responses that are whole, past the messages of ASGI.

    Our own hosts provide it. Where it is missing, or declines, `receive` and `send` do the same.
    `runs_in_event_loop` says whether an event loop of asyncio serves other requests meanwhile.
    """

    runs_in_event_loop: bool

    def take_body(self) -> bytes | None:
        """Return the whole body if it is there and nothing of it was received, else None."""

    def respond(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole response; return False where it has to go through `send`.

        `headers` are without Content-Length, `body` is the body.
        """


class ReturnableExchange(DirectExchange, Protocol):
    """A direct exchange of which an attempt to answer leaves no trace."""

    def can_respond(self) -> bool:
        """Return whether `respond` sends a successful response with plain headers now."""

    def set_body(self, body: bytes) -> None:
        """Let the body be taken, or received, again."""


class NoWireError(GetimgMockError, RuntimeError):
    """A fault needs the socket, but the ASGI host gives no access to it."""


def find_direct(scope: Mapping[str, Any], receive: object, send: object) -> DirectExchange | None:
    """Return the direct exchange of a request, if `receive` and `send` are its own.

    Where a middleware has replaced one of them, nothing may pass it by.
    """
    direct: DirectExchange | None = scope.get(DIRECT)
    if (
        direct is not None
        and getattr(receive, "__self__", None) is direct
        and getattr(send, "__self__", None) is direct
    ):
        return direct
    return None


def get_wire(scope: Mapping[str, Any]) -> Wire:
    """Return the wire of a request; raises `NoWireError` under another ASGI host."""
    wire: Wire | None = scope.get(WIRE)
    if wire is None:
        raise NoWireError(NO_WIRE)
    return wire


def has_wire(scope: Mapping[str, Any]) -> bool:
    """Return whether the ASGI host gives access to the socket of its requests."""
    return WIRE in scope


def takes_files(scope: Mapping[str, Any]) -> bool:
    """Return whether the ASGI host sends open files by itself."""
    return ZERO_COPY in scope.get("extensions", ())


async def wait_for_disconnect(receive: Receive) -> None:
    """Wait until the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def run_until_disconnect(work: Coroutine[Any, Any, _T], receive: Receive) -> _T:
    """Return the result of `work`; cancel it and raise `ClientGoneError` if the client has gone.

    Needs an event loop of asyncio.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(wait_for_disconnect(receive))
    either: set[asyncio.Future[Any]] = {working, gone}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientGoneError
    finally:
        working.cancel()
        gone.cancel()
