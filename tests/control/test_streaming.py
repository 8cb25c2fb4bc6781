"""Long answers are built while they are sent, at the pace of their reader."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from getimg_mock.control.streaming import PIECE, send_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 200
TEXT = "x" * 10_000


def test_an_answer_is_not_built_ahead_of_its_reader() -> None:
    """A reader that does not read costs one piece, however long the answer is."""
    built: list[int] = []
    stalled = asyncio.Event()

    def build() -> Iterator[str]:
        for number in range(COUNT):
            built.append(number)
            yield TEXT

    async def send(_message: Any) -> None:
        stalled.set()
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.ensure_future(send_pieces(build(), send))
        await stalled.wait()
        task.cancel()

    asyncio.run(main())
    assert len(built) * len(TEXT) < PIECE + 2 * len(TEXT)


def test_other_tasks_run_between_pieces() -> None:
    """Also while a fast reader, for which `send` never waits, takes a long answer."""
    order: list[str] = []

    async def send(_message: Any) -> None:
        order.append("piece")

    async def other() -> None:
        order.append("other")

    async def main() -> None:
        task = asyncio.ensure_future(other())
        await send_pieces([TEXT] * COUNT, send)
        await task

    asyncio.run(main())
    assert order.index("other") <= 2


def test_pieces_make_up_the_answer() -> None:
    """None is lost or doubled, whatever the sizes."""
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message["body"])
        assert message["more_body"]

    texts = [json.dumps({"number": each, "text": "\u00e4" * each * 50}) for each in range(COUNT)]
    asyncio.run(send_pieces(texts, send))
    assert b"".join(sent).decode() == "".join(texts)
