"""Whether other threads are at work, told from what is on top of their stacks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from types import FrameType

STILL: Final = 0.02
STUCK: Final = 1.0


class Watch:
    """Looks at threads again and again, and tells whether they stand still."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[object, float]] = {}

    def is_quiet(self, threads: list[threading.Thread]) -> bool:
        """Return whether none of the threads is at work."""
        frames = sys._current_frames()  # noqa: SLF001 - the one way to see what others do
        # All of them are looked at, so that each one's time of standing still begins.
        return not [thread for thread in threads if self._is_at_work(thread, frames)]

    def _is_at_work(self, thread: threading.Thread, frames: dict[int, FrameType]) -> bool:
        frame = frames.get(thread.ident or 0)
        if frame is None:
            # About to begin; one that has ended is not listed any more.
            return thread.ident is None
        place = (frame.f_globals.get("__name__"), frame.f_code.co_name)
        waits = _WAITING.get(place)
        if waits is not None:
            return not _told(waits, frame)
        return not self._stands_still(thread, frame)

    def _stands_still(self, thread: threading.Thread, frame: FrameType) -> bool:
        """Return whether a thread has been at one place for a while, in a call that waits."""
        ident, now = thread.ident or 0, stopwatch()
        sight = (id(frame), frame.f_lasti)
        known, since = self._seen.get(ident, (None, now))
        running = _is_running(thread)
        if known != sight or running:
            self._seen[ident] = (sight, now)
            return False
        return now - since >= (STILL if running is not None else STUCK)


def _is_running(thread: threading.Thread) -> bool | None:
    """Return whether the machine is at work for a thread; None where that cannot be told."""
    try:
        told = Path(f"/proc/self/task/{thread.native_id}/stat").read_text(encoding="ascii")
    except (OSError, ValueError):
        return None
    return told.rpartition(")")[2].split()[0] in {"R", "D"}


def _told(waits: Callable[[dict[str, Any]], object], frame: FrameType) -> bool:
    try:
        return bool(waits(frame.f_locals))
    except (AttributeError, KeyError, OSError, ValueError):
        # Not at the place where it waits, or another version: at work, as far as one knows.
        return False


def _no_input(variables: dict[str, Any]) -> bool:
    return not variables["self"].select(0)


# Where a thread waits for others, and how its variables there tell whether it still does: one that
# was woken is at work, though it may not yet have had its turn.
_WAITING: Final[dict[tuple[object, str], Callable[[dict[str, Any]], object]]] = {
    ("threading", "wait"): lambda v: v["waiter"].locked(),
    ("threading", "_wait_for_tstate_lock"): lambda v: v["lock"].locked(),
    ("threading", "join"): lambda v: v["self"].is_alive(),
    ("concurrent.futures.thread", "_worker"): lambda v: (
        v.get("work_item") is None and v["work_queue"].empty()
    ),
    ("selectors", "select"): _no_input,
    ("trio._core._thread_cache", "_work"): lambda v: v["self"]._worker_lock.locked(),  # noqa: SLF001 - its state is nowhere else
    ("trio._core._io_epoll", "get_events"): lambda v: v["self"] is not None,
    ("trio._core._io_kqueue", "get_events"): lambda v: v["self"] is not None,
    ("trio._core._io_windows", "get_events"): lambda v: v["self"] is not None,
}
