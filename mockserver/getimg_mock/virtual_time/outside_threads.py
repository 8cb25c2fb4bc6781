"""The threads that ran before time was bound: they keep real time."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


class OutsideThreads:
    """All threads that run now, except the calling one and the unused ones of trio's pool.

    Threads are held as objects, since a new thread can have the number of one that has ended. One
    that was not started by `threading` has no object of its own: it is known by its number until a
    thread of `threading` has that number.
    """

    def __init__(self) -> None:
        frames = sys._current_frames()  # noqa: SLF001 - the only way to list all threads
        idents = {ident for ident, frame in frames.items() if not _is_spare(frame)}
        idents.discard(threading.get_ident())
        self._threads = frozenset(each for each in threading.enumerate() if each.ident in idents)
        self._unnamed = idents - {each.ident for each in self._threads}

    def __contains__(self, thread: object) -> bool:
        if thread in self._threads:
            return True
        # What `threading.current_thread` returns in a thread that it has not started.
        unnamed = isinstance(thread, threading._DummyThread)  # noqa: SLF001 - has no public name
        return unnamed and thread.ident in self._unnamed  # type: ignore[attr-defined]


def _is_spare(frame: FrameType) -> bool:
    """Return whether a thread waits in trio's pool for the next function to run."""
    place = (frame.f_globals.get("__name__"), frame.f_code.co_name)
    return place == ("trio._core._thread_cache", "_work")
