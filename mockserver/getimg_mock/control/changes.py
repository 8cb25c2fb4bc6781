"""Streams that a workspace changed, as server-sent events: what keeps a page up to date.

The stream compares a fingerprint of the workspace at a fixed pace. So it is bounded however busy
the workspace is, misses no change whatever caused it, and sends nothing while nothing changes.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.command_table import VERSION
from getimg_mock.control.workspace_ids import derive_workspace_id
from getimg_mock.control.workspaces import describe_workspace

if TYPE_CHECKING:
    from starlette.types import Receive, Send

    from getimg_mock.fake import Fake
    from getimg_mock.schemas import Json

# Real seconds. A person sees no difference below it, and a busy fake spends nothing on it.
PACE: Final = 0.4
_SILENCE: Final = 15.0
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-mock-control", VERSION.encode()),
]


async def stream_changes(
    fake: Fake, workspace_id: str | None, receive: Receive, send: Send, *, pace: float = PACE
) -> None:
    """Send an event `change` at once and after each change, until the client disconnects.

    Its data has the summaries of all workspaces, and the fingerprint of the selected one.
    """
    await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS]})
    gone = asyncio.ensure_future(_wait_for_disconnect(receive))
    last, silent = b"", 0.0
    try:
        while not gone.done():
            fingerprint = json.dumps(_fingerprint(fake, workspace_id)).encode()
            silent += pace
            if fingerprint != last or silent >= _SILENCE:
                data = json.dumps(describe_fake(fake, workspace_id), separators=(",", ":"))
                body = f"event: change\ndata: {data}\n\n".encode()
                await send({"type": "http.response.body", "body": body, "more_body": True})
                last, silent = fingerprint, 0.0
            await asyncio.wait({gone}, timeout=pace)
    finally:
        gone.cancel()


def describe_fake(fake: Fake, workspace_id: str | None) -> Json:
    """Return what an event tells: the selected workspace in full, and how many there are."""
    selected = None
    for each in fake.store:
        if derive_workspace_id(each.key) == workspace_id:
            selected = describe_workspace(each)
    return {"workspace": selected, "workspaces": len(list(fake.store))}


def _fingerprint(fake: Fake, workspace_id: str | None) -> list[Any]:
    """Return values of which one changes with every change that a view shows."""
    found: list[Any] = []
    for each in fake.store:
        found.append(each.journal.recorded)
        if derive_workspace_id(each.key) == workspace_id:
            with each.lock:
                now = each.settle()
                moving = each.clock.rate
                found += [
                    # A clock that runs changes by itself, which no event has to say.
                    moving or now.isoformat(),
                    str(each.ledger.credited),
                    str(each.ledger.held),
                    str(each.ledger.charged),
                    len(each.ledger.entries),
                    len(each.generations),
                    each.running,
                    [(rule.id, rule.hits, rule.seen) for rule in each.scenarios],
                    len(each.journal),
                    each.journal.steps[-1].number if each.journal.steps else 0,
                    repr(each.limiter.limits),
                ]
    return [*found, fake.journal.recorded]


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
