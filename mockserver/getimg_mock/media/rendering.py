"""Media on demand, without ever holding up an event loop."""

from __future__ import annotations

import asyncio
import sys
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from getimg_mock.media.cache import MediaCache
    from getimg_mock.media.own_files import OwnFile
    from getimg_mock.media.pictures import Picture
    from getimg_mock.media.video_files import Video

_SYNCHRONOUS: Final[ContextVar[bool]] = ContextVar("getimg_mock_stepped", default=False)


def render_synchronously() -> None:
    """Let `render` never suspend in this context from now on, even when an event loop is running.

    For code that steps the app's coroutine by hand, in a context of its own: a synchronous client
    may be used inside a running loop, and only that loop could resume what suspends.
    """
    _SYNCHRONOUS.set(True)


async def render(item: Picture | Video | OwnFile, cache: MediaCache) -> bytes:
    """Return the file of `item`, kept in `cache`.

    A kept file is returned at once, without suspending. Otherwise a worker thread makes it while
    the event loop goes on; without an event loop, this thread does. Cancelling this call takes
    the file out of the workers' queue if nothing else awaits it.
    """
    kept = cache.find(item)
    if kept is not None:
        return kept
    make = partial(encode, item)
    library = detect_library()
    if library is None:
        return cache.get(item, make)
    flight = cache.fetch(item, make)
    try:
        if library == "asyncio":
            return await asyncio.wrap_future(flight)
        from anyio.to_thread import run_sync  # noqa: PLC0415 - for trio only, and cold start matters

        return await run_sync(flight.result, abandon_on_cancel=True)
    finally:
        if not flight.done():
            cache.release(item, flight)


def encode(item: Picture | Video | OwnFile) -> bytes:
    """Return the file of `item`, made now."""
    # The first answer of a server needs no picture yet.
    from getimg_mock.media.pictures import Picture, encode_picture  # noqa: PLC0415 - see above
    from getimg_mock.media.video_files import Video, encode_video  # noqa: PLC0415 - see above

    if isinstance(item, Picture):
        return encode_picture(item)
    return encode_video(item) if isinstance(item, Video) else item.read()


def detect_library() -> Literal["asyncio", "trio"] | None:
    """Return the library of the running event loop; None if this call must not suspend."""
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
