"""The stream of changes: one event for many changes, whatever the reader's pace."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

from getimg_mock import create_app
from getimg_mock.control.changes import stream_changes
from getimg_mock.world.identities import derive_workspace_id

KEY = "sk_changes"
MANY = 100


class Reader:
    """Reads a stream and changes the workspace `MANY` times for each of the first events."""

    def __init__(self, events: int) -> None:
        self.fake = create_app().fake
        self.workspace = self.fake.store.get_or_create(KEY)
        self.balances: list[str] = []
        self._events = events
        self._gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        """Disconnect once all events have come."""
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Note the balance of an event; a slow reader takes several turns of the loop for it."""
        data = message.get("body", b"").partition(b"data: ")[2]
        if not data:
            return
        self.balances.append(json.loads(data)["workspace"]["balance"])
        if len(self.balances) >= self._events:
            self._gone.set()
        for _ in range(MANY):
            self.workspace.credit(Decimal(1))
            turn = asyncio.get_running_loop().create_future()
            turn.get_loop().call_soon(turn.set_result, None)
            await turn


def read(events: int) -> list[str]:
    """Return the balances of so many events."""

    async def run() -> list[str]:
        reader = Reader(events)
        chosen = derive_workspace_id(KEY)
        await asyncio.wait_for(
            stream_changes(reader.fake, chosen, reader.receive, reader.send, pace=0.001), 60
        )
        return reader.balances

    return asyncio.run(run())


def test_many_changes_make_one_event() -> None:
    """A busy fake, or a slow reader, makes no queue: each event has the newest state."""
    assert read(4) == ["100", "200", "300", "400"]
