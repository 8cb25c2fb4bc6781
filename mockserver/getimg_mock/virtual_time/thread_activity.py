"""Whether other threads are at work, told from what is on top of their stacks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from types import FrameType

# How many real seconds without input are enough where sockets are open.
STILL: Final = 0.02
# How long a thread must stand where threads wait: one that was woken stands there, too, until it is
# its turn to run Python, which is after one switch interval at the latest when others only look.
SETTLED: Final = 0.006
# How long a thread must do nothing at one place to count as waiting; where nothing tells what the
# processors do for it, longer.
MOTIONLESS: Final = 0.05
STUCK: Final = 1.0


class Watch:
    """Looks at threads again and again, and tells whether they stand still.

    A thread is at work when it has moved, or a processor was at work for it, since the last look;
    or when it stands where threads do not wait for each other, and not for long enough.
    """

    def __init__(self) -> None:
        self._seen: dict[int, tuple[_Sight, float]] = {}

    def begin(self) -> None:
        """Forget what was seen but cannot be told from what has happened since."""
        self._seen = {
            ident: seen for ident, seen in self._seen.items() if seen[0].processor is not None
        }

    def is_quiet(self, threads: list[threading.Thread]) -> bool:
        """Return whether none of the threads is at work."""
        frames = sys._current_frames()  # noqa: SLF001 - the one way to see what others do
        # All of them are looked at, so that each one's time of standing still begins.
        return not [thread for thread in threads if self._is_at_work(thread, frames)]

    def _is_at_work(self, thread: threading.Thread, frames: dict[int, FrameType]) -> bool:
        ident, now = thread.ident or 0, stopwatch()
        frame = frames.get(ident)
        if frame is None:
            # About to begin; one that has ended is not listed any more.
            return thread.ident is None
        sight = _Sight(id(frame), frame.f_lasti, _processor(thread))
        known, since = self._seen.get(ident, (None, now))
        if known != sight or (sight.processor is not None and sight.processor.runs):
            self._seen[ident] = (sight, now)
            return True
        waits = _WAITING.get((frame.f_globals.get("__name__"), frame.f_code.co_name))
        if waits is not None:
            return now - since < SETTLED or not _told(waits, frame)
        return now - since < (MOTIONLESS if sight.processor is not None else STUCK)


class _Sight(NamedTuple):
    """What a look at a thread shows."""

    frame: int
    instruction: int
    processor: _Processor | None


class _Processor(NamedTuple):
    """Whether a processor is at work for a thread, or about to be, and what it has done so far."""

    runs: bool
    done: str


def _processor(thread: threading.Thread) -> _Processor | None:
    """Return what Linux tells about a thread; None elsewhere."""
    task = Path(f"/proc/self/task/{thread.native_id}")
    try:
        state = task.joinpath("stat").read_text("ascii").rpartition(")")[2].split()[0]
        return _Processor(state in {"R", "D"}, task.joinpath("schedstat").read_text("ascii"))
    except (OSError, ValueError, IndexError):
        return None


def _told(waits: Callable[[dict[str, Any]], object], frame: FrameType) -> bool:
    try:
        return bool(waits(frame.f_locals))
    except (AttributeError, KeyError, OSError, ValueError):
        # Not at the place where it waits, or another version: at work, as far as one knows.
        return False


def _no_input(variables: dict[str, Any]) -> bool:
    return variables["timeout"] != 0 and not variables["self"].select(0)


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
    ("trio._core._thread_cache", "_work"): lambda v: (
        v["self"]._worker_lock.locked() and v["self"]._job is None  # noqa: SLF001 - nowhere else
    ),
    ("trio._core._io_epoll", "get_events"): lambda v: v["self"] is not None,
    ("trio._core._io_kqueue", "get_events"): lambda v: v["self"] is not None,
    ("trio._core._io_windows", "get_events"): lambda v: v["self"] is not None,
}
