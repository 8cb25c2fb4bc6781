"""What streams of server-sent events share: their headers, and the end of their client."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from getimg_mock.control.command_table import VERSION
from getimg_mock.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Send

SILENCE: Final = 15.0
"""After how many real seconds without an event something is sent.

Proxies close connections that are silent for a minute.
"""

_HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-mock-control", VERSION.encode()),
)


def find_loop() -> asyncio.AbstractEventLoop:
    """Return the running event loop; raises `ControlError` (501) where there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ControlError(
            "not_here", "A stream needs an event loop: use a server on a port.", status=501
        ) from None


async def start_stream(send: Send) -> None:
    """Send the head of a stream."""
    await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS]})


async def send_event(send: Send, data: bytes) -> None:
    """Send an event or a comment, and leave the stream open."""
    await send({"type": "http.response.body", "body": data, "more_body": True})


@contextmanager
def watch_client(receive: Receive) -> Iterator[asyncio.Future[None]]:
    """Give a future that is done as soon as the client has disconnected."""
    gone = asyncio.ensure_future(_wait_for_disconnect(receive))
    try:
        yield gone
    finally:
        gone.cancel()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
