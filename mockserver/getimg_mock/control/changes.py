"""Streams that a workspace changed, as server-sent events: what keeps a page up to date.

The stream compares a fingerprint of the workspace at a fixed pace. So it is bounded however busy
the workspace is, misses no change whatever caused it, and sends nothing while nothing changes.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.event_streams import (
    SILENCE,
    find_loop,
    send_event,
    start_stream,
    watch_client,
)
from getimg_mock.control.workspace_ids import look_up_workspace
from getimg_mock.control.workspaces import describe_workspace

if TYPE_CHECKING:
    from starlette.types import Receive, Send

    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json
    from getimg_mock.world.workspaces import Workspace

# Real seconds. A person sees no difference below it, and a busy fake spends nothing on it.
PACE: Final = 0.4


async def stream_changes(
    fake: Fake, workspace_id: str | None, receive: Receive, send: Send, *, pace: float = PACE
) -> None:
    """Send an event `change` at once and after each change, until the client disconnects.

    Its data has the summary of the selected workspace, and how many workspaces there are.
    """
    find_loop()
    await start_stream(send)
    last: list[Any] = []
    silent = 0.0
    with watch_client(receive) as gone:
        while not gone.done():
            selected = look_up_workspace(fake, workspace_id)
            fingerprint = _fingerprint(fake, selected)
            silent += pace
            if fingerprint != last or silent >= SILENCE:
                data = json.dumps(_describe(fake, selected), separators=(",", ":"))
                await send_event(send, f"event: change\ndata: {data}\n\n".encode())
                last, silent = fingerprint, 0.0
            await asyncio.wait({gone}, timeout=pace)


def _describe(fake: Fake, selected: Workspace | None) -> Json:
    return {
        "workspace": None if selected is None else describe_workspace(selected),
        "workspaces": sum(1 for _ in fake.store),
    }


def _fingerprint(fake: Fake, selected: Workspace | None) -> list[Any]:
    """Return values of which one changes with every change that a view shows."""
    found: list[Any] = [each.journal.newest for each in fake.store]
    found.append(fake.journal.newest)
    if selected is None:
        return found
    with selected.lock:
        now, books, steps = selected.settle(), selected.ledger, selected.journal.steps
        return [
            *found,
            # A clock that runs changes by itself, which no event has to say.
            selected.clock.rate or now,
            (books.credited, books.held, books.charged, len(books.entries)),
            (len(selected.generations), selected.running),
            [(rule.id, rule.hits, rule.seen) for rule in selected.scenarios],
            len(selected.journal),
            steps[-1].number if steps else 0,
            selected.limiter.limits,
        ]
