"""Whether other threads are at work, as far as their stacks and the system show."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

# For how many real seconds no input must come before the clock moves, where sockets are open.
NO_INPUT_SECONDS: Final = 0.02
# How long a thread must have been where threads wait. One that was woken is still there until it
# gets its turn to run Python, at the latest after one switch interval when others only look.
SETTLED_SECONDS: Final = 0.006
# How long a thread must do nothing at one place to count as waiting; longer where the system does
# not show whether a processor works for it.
MOTIONLESS_SECONDS: Final = 0.05
STUCK_SECONDS: Final = 1.0


class ThreadMonitor:
    """Looks at threads again and again, and tells whether they are at work.

    A thread is at work when it has moved, or a processor has worked for it, since the last look;
    or when it is at a place where threads do not wait for each other, and not for long enough.
    """

    def __init__(self) -> None:
        # What the latest change showed, and when that was.
        self._seen: WeakKeyDictionary[threading.Thread, tuple[_ThreadSnapshot, float]]
        self._seen = WeakKeyDictionary()

    def forget_uncertain(self) -> None:
        """Forget earlier looks that cannot show what has happened since."""
        for thread, (sight, _) in tuple(self._seen.items()):
            if sight.processor is None:
                del self._seen[thread]

    def is_quiet(self, threads: Iterable[threading.Thread]) -> bool:
        """Return whether none of the threads is at work."""
        frames = sys._current_frames()  # noqa: SLF001 - the only way to see what others do
        # All of them are looked at, so that the time of each begins to count.
        return not [thread for thread in threads if self._is_at_work(thread, frames)]

    def is_really_waiting(self, threads: Iterable[threading.Thread], patience: float) -> bool:
        """Return whether one of them waits in the system for something real, such as a socket.

        One that has waited for `patience` real seconds does not count any more. Must be called
        after `is_quiet` with these threads.
        """
        frames = sys._current_frames()  # noqa: SLF001 - see above
        now = stopwatch()
        for thread in threads:
            frame = frames.get(thread.ident or 0)
            _, since = self._seen.get(thread, (None, now))
            if (
                frame is not None
                and _find_rule(frame) is None
                and now - since < patience
                and _is_in_system(thread)
            ):
                return True
        return False

    def _is_at_work(self, thread: threading.Thread, frames: dict[int, FrameType]) -> bool:
        now = stopwatch()
        frame = frames.get(thread.ident or 0)
        if frame is None:
            # About to begin; one that has ended is not listed any more.
            return thread.ident is None
        sight = _ThreadSnapshot(id(frame), frame.f_lasti, _read_processor_state(thread))
        known, since = self._seen.get(thread, (None, now))
        if known != sight or (sight.processor is not None and sight.processor.runs):
            self._seen[thread] = (sight, now)
            return True
        rule = _find_rule(frame)
        if rule is not None:
            return now - since < SETTLED_SECONDS or not _is_waiting(rule, frame)
        return now - since < (MOTIONLESS_SECONDS if sight.processor is not None else STUCK_SECONDS)


class _ThreadSnapshot(NamedTuple):
    """What a look at a thread shows."""

    frame: int
    instruction: int
    processor: _ProcessorState | None


class _ProcessorState(NamedTuple):
    """Whether a processor works for a thread, or is about to, and what it has done so far."""

    runs: bool
    done: bytes


def _read_processor_state(thread: threading.Thread) -> _ProcessorState | None:
    """Return what Linux shows about a thread; None elsewhere."""
    task = f"/proc/self/task/{_find_native_id(thread)}"
    try:
        state = _read_start(f"{task}/stat").rpartition(b")")[2].split()[0]
        return _ProcessorState(state in {b"R", b"D"}, _read_start(f"{task}/schedstat"))
    except (OSError, IndexError):
        return None


def _find_native_id(thread: threading.Thread) -> int | None:
    """Return the system's number of a thread: in a forked process, Python 3.11 has the parent's."""
    return os.getpid() if thread is threading.main_thread() else thread.native_id


def _read_start(path: str) -> bytes:
    """Return the first bytes of a small file, at a third of what `Path.read_bytes` costs."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 1024)
    finally:
        os.close(file)


def count_timed_waits(threads: Iterable[threading.Thread]) -> int:
    """Return how many of the threads wait for another one, with a timeout in real time."""
    frames = sys._current_frames()  # noqa: SLF001 - see above
    found = [frames.get(each.ident or 0) for each in threads]
    return sum(
        frame is not None
        and frame.f_globals.get("__name__") == "threading"
        and (frame.f_locals.get("timeout") or -1) > 0
        for frame in found
    )


def _find_rule(frame: FrameType) -> Callable[[dict[str, Any]], object] | None:
    return _WAITING.get((frame.f_globals.get("__name__"), frame.f_code.co_name))


def _is_in_system(thread: threading.Thread) -> bool:
    """Return whether a thread waits in the system, and not for a lock, as far as Linux shows."""
    try:
        place = Path(f"/proc/self/task/{_find_native_id(thread)}/wchan").read_text("ascii")
    except OSError:
        return False
    return place not in {"", "0"} and "futex" not in place


def _is_waiting(rule: Callable[[dict[str, Any]], object], frame: FrameType) -> bool:
    try:
        return bool(rule(frame.f_locals))
    except (AttributeError, KeyError, OSError, ValueError):
        # Before or after the wait itself, or another version: at work, as far as can be seen.
        return False


def _has_no_input(variables: dict[str, Any]) -> bool:
    if variables["timeout"] == 0:
        return False
    selector = variables["self"]
    try:
        return not selector.select(0)
    except RuntimeError:  # `select.poll` serves one thread at a time: another asks for the same
        with type(selector)() as another:
            for key in tuple(selector.get_map().values()):
                another.register(key.fileobj, key.events)
            return not another.select(0)


# The functions in which a thread waits for others, and how its variables there show that it still
# does. One that was woken is at work, though it may not have run yet.
_WAITING: Final[dict[tuple[object, str], Callable[[dict[str, Any]], object]]] = {
    ("threading", "wait"): lambda v: v["waiter"].locked(),
    ("threading", "_wait_for_tstate_lock"): lambda v: v["lock"].locked(),
    ("threading", "join"): lambda v: v["self"].is_alive(),
    ("concurrent.futures.thread", "_worker"): lambda v: (
        v.get("work_item") is None and v["work_queue"].empty()
    ),
    ("selectors", "select"): _has_no_input,
    ("trio._core._thread_cache", "_work"): lambda v: (
        v["self"]._worker_lock.locked() and v["self"]._job is None  # noqa: SLF001 - nowhere else
    ),
    ("trio._core._io_epoll", "get_events"): lambda v: v["self"] is not None,
    ("trio._core._io_kqueue", "get_events"): lambda v: v["self"] is not None,
    ("trio._core._io_windows", "get_events"): lambda v: v["self"] is not None,
}
