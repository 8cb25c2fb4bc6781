"""Sends long answers in pieces, at the pace of their reader, and lets others be served between."""

from __future__ import annotations

from asyncio import sleep  # noqa: TID251 - of zero seconds: lets other tasks run
from typing import TYPE_CHECKING, Final

from getimg_mock.media.rendering import detect_library

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Send

PIECE: Final = 64 * 1024
"""Bytes that are sent at a time, as a rule."""


async def send_pieces(texts: Iterable[str], send: Send) -> None:
    """Send texts as parts of a body that goes on; `send` waits for slow readers."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= PIECE:
            await _send_piece(waiting, send)
            waiting, size = [], 0
            if detect_library() == "asyncio":
                await sleep(0)  # a fast reader never makes `send` wait
    if waiting:
        await _send_piece(waiting, send)


async def _send_piece(texts: list[str], send: Send) -> None:
    body = "".join(texts).encode()
    await send({"type": "http.response.body", "body": body, "more_body": True})
