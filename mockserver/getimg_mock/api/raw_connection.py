"""The socket under an answer, for faults that no well-behaved server could produce."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from getimg_mock.errors import GetimgMockError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive

# Under this name a scope holds its `Wire`, where the host gives us one.
WIRE: Final = "getimg_mock.wire"


class Wire(Protocol):
    """What can be done to a connection besides answering properly."""

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""

    def reset(self) -> None:
        """Break the connection off, so that the client sees it reset by its peer."""

    def close(self) -> None:
        """Close the connection cleanly, whatever is still owed."""


class NoWireError(GetimgMockError, RuntimeError):
    """A fault needs the socket, and the host of this application gives no access to it."""


def wire_of(scope: Mapping[str, Any]) -> Wire:
    """Return the wire of a request; raises `NoWireError` under a foreign ASGI host."""
    wire: Wire | None = scope.get(WIRE)
    if wire is None:
        raise NoWireError(
            "Faults of the socket need getimg-mock's own server: use `getimg-mock serve`, "
            "MockServer, or the in-process transports."
        )
    return wire


async def client_gone(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
