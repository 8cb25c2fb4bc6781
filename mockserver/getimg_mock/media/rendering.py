"""Media on demand, without ever holding up an event loop."""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from getimg_mock.media.pictures import Picture, encode_picture
from getimg_mock.media.video_files import Video, encode_video

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.media.cache import MediaCache

_SYNCHRONOUS: Final[ContextVar[bool]] = ContextVar("getimg_mock_stepped", default=False)


@contextmanager
def render_synchronously() -> Iterator[None]:
    """Within this block `render` never suspends, even when an event loop is running.

    For whoever steps the app's coroutine by hand: a synchronous client may be used inside a
    running loop, and nobody but that loop could resume what suspends.
    """
    token = _SYNCHRONOUS.set(True)
    try:
        yield
    finally:
        _SYNCHRONOUS.reset(token)


async def render(item: Picture | Video, cache: MediaCache) -> bytes:
    """Return the file of `item`, kept in `cache`.

    What is kept comes at once, without suspending. Else it is made in a worker thread while the
    event loop goes on; without an event loop, here and now.
    """
    kept = cache.find(item)
    if kept is not None:
        return kept
    make = partial(encode, item)
    library = _detect_library()
    if library is None:
        return cache.get(item, make)
    flight = cache.fetch(item, make)
    if library == "asyncio":
        return await asyncio.wrap_future(flight)
    from anyio.to_thread import run_sync  # noqa: PLC0415 - for trio only, and cold start matters

    return await run_sync(flight.result, abandon_on_cancel=True)


def encode(item: Picture | Video) -> bytes:
    """Return the file of `item`, made now."""
    return encode_picture(item) if isinstance(item, Picture) else encode_video(item)


def _detect_library() -> Literal["asyncio", "trio"] | None:
    if _SYNCHRONOUS.get():
        return None
    trio = sys.modules.get("trio")  # not imported means that it does not run
    if trio is not None and trio.lowlevel.in_trio_task():
        return "trio"
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return "asyncio"
