"""Sends long answers in pieces, at the pace of their reader, and lets others be served between."""

from __future__ import annotations

import asyncio
import json
from asyncio import sleep  # noqa: TID251 - of zero seconds: lets other tasks run
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from getimg_mock.media.rendering import detect_library

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.types import Send

PIECE: Final = 64 * 1024
"""Bytes that are sent at a time, as a rule."""

# Items of a list or an object that are encoded at a time.
_ITEMS: Final = 100

# Streams of one event loop build their pieces one after the other: a turn of the loop holds at
# most one, so that many readers delay other requests no more than one reader does.
_TURNS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()


async def send_pieces(texts: Iterable[str], send: Send) -> None:
    """Send texts as parts of a body that goes on; `send` waits for slow readers."""
    pieces = _join(texts)
    while piece := await _build_next(pieces):
        await send({"type": "http.response.body", "body": piece, "more_body": True})


def iterate_json(value: Any) -> Iterator[str]:
    """Yield the JSON text of a value in parts, of which none is large unless one item is.

    Iterators are written as lists, so that their items need not exist at the same time.
    """
    if isinstance(value, dict):
        yield "{"
        for index, (name, item) in enumerate(value.items()):
            yield f"{',' if index else ''}{json.dumps(name)}:"
            yield from iterate_json(item)
        yield "}"
    elif isinstance(value, (str, int, float)) or value is None:
        yield json.dumps(value)
    else:
        yield "["
        items, comma = iter(value), ""
        while some := list(islice(items, _ITEMS)):
            yield comma + json.dumps(some, separators=(",", ":"))[1:-1]
            comma = ","
        yield "]"


async def _build_next(pieces: Iterator[bytes]) -> bytes:
    """Return the next piece, built when it is this stream's turn; empty after the last."""
    if detect_library() != "asyncio":
        return next(pieces, b"")
    async with _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        piece = next(pieces, b"")
        await sleep(0)  # a fast reader never makes `send` wait
        return piece


def _join(texts: Iterable[str]) -> Iterator[bytes]:
    """Yield texts joined to pieces."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size >= PIECE:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting).encode()
