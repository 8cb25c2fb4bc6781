"""Streams the journal as server-sent events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command_table import VERSION
from getimg_mock.control.fields import read_fields
from getimg_mock.control.journal import CRITERIA, format_event
from getimg_mock.control.streaming import send_pieces
from getimg_mock.errors import ControlError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Send

    from getimg_mock.fake import Fake

# Proxies close connections that are silent for a minute.
_SILENCE: Final = 15.0
_COMMENT: Final = b": nothing new\n\n"
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-mock-control", VERSION.encode()),
]


async def stream(
    fake: Fake, key: str, query: Mapping[str, Any], receive: Receive, send: Send
) -> None:
    """Send every exchange that matches `query`, past and future ones.

    Ends when the client disconnects. `after` skips earlier exchanges. The stream continues when the
    workspace is reset.
    """
    values = read_fields(CRITERIA, query, free=False)
    loop = _find_loop()
    await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS]})
    changed = asyncio.Event()
    gone = asyncio.ensure_future(_wait_for_disconnect(receive))
    journal = fake.store.get_or_create(key).journal

    def look_again(_: object) -> None:
        loop.call_soon_threadsafe(changed.set)

    unsubscribe = journal.subscribe(look_again)
    after = values.pop("after", 0)
    try:
        while not gone.done():
            changed.clear()
            newest = journal.newest
            if newest > after:
                found = journal.stream(**values, after=after, up_to=newest)
                await send_pieces(map(format_event, found), send)
                after = newest
            else:
                await send({"type": "http.response.body", "body": _COMMENT, "more_body": True})
            if journal.newest == after:
                await _wait_for_first(gone, changed)
    finally:
        unsubscribe()
        gone.cancel()


def _find_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ControlError(
            "not_here", "A stream needs an event loop: use a server on a port.", status=501
        ) from None


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait_for_first(gone: asyncio.Future[None], changed: asyncio.Event) -> None:
    waits = asyncio.ensure_future(changed.wait())
    either: set[asyncio.Future[Any]] = {gone, waits}
    try:
        await asyncio.wait(either, timeout=_SILENCE, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waits.cancel()
