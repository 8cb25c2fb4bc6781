"""Streams the journal as server-sent events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.event_streams import (
    SILENCE,
    find_loop,
    send_event,
    start_stream,
    watch_client,
)
from getimg_mock.control.fields import read_fields
from getimg_mock.control.journal import CRITERIA, format_event
from getimg_mock.control.streaming import send_pieces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Send

    from getimg_mock.fake import Fake

_COMMENT: Final = b": nothing new\n\n"


async def stream(
    fake: Fake, key: str, query: Mapping[str, Any], receive: Receive, send: Send
) -> None:
    """Send every exchange that matches `query`, past and future ones.

    Ends when the client disconnects. `after` skips earlier exchanges. The stream continues when the
    workspace is reset.
    """
    values = read_fields(CRITERIA, query, free=False)
    loop = find_loop()
    await start_stream(send)
    changed = asyncio.Event()
    journal = fake.store.get_or_create(key).journal

    def look_again(_: object) -> None:
        loop.call_soon_threadsafe(changed.set)

    unsubscribe = journal.subscribe(look_again)
    after = values.pop("after", 0)
    try:
        with watch_client(receive) as gone:
            while not gone.done():
                changed.clear()
                newest = journal.newest
                if newest > after:
                    found = journal.stream(**values, after=after, up_to=newest)
                    await send_pieces(map(format_event, found), send)
                    after = newest
                else:
                    await send_event(send, _COMMENT)
                if journal.newest == after:
                    await _wait_for_first(gone, changed)
    finally:
        unsubscribe()


async def _wait_for_first(gone: asyncio.Future[None], changed: asyncio.Event) -> None:
    waits = asyncio.ensure_future(changed.wait())
    either: set[asyncio.Future[Any]] = {gone, waits}
    try:
        await asyncio.wait(either, timeout=SILENCE, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waits.cancel()
