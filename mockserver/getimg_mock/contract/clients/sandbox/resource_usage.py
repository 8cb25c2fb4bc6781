"""Counts what a client holds: open files, sockets included, threads, tasks, and child processes.

Counted for this process, or for a program with its children; from `/proc` where it exists.
"""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROUNDS: Final = 20
"""How many rounds of the event loop a task may take to end that is cancelled."""
_DESCRIPTOR_FOLDERS: Final = ("/proc/self/fd", "/dev/fd")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUsage:
    """What is held at one moment; None where that is not known.

    `connections` are those that are open for the server. `process` is the number of the process
    that holds the rest, 0 for this one.
    """

    connections: int
    files: int | None = None
    threads: int | None = None
    tasks: int | None = None
    processes: int | None = None
    process: int = 0

    def compute_excess(self, earlier: ResourceUsage) -> dict[str, int]:
        """Return by how much each count exceeds the earlier one, where both are known."""
        more = {"connections": self.connections - earlier.connections}
        if self.process == earlier.process:
            for name in ("files", "threads", "tasks", "processes"):
                now, then = getattr(self, name), getattr(earlier, name)
                if now is not None and then is not None:
                    more[name] = now - then
        return more


@contextmanager
def measure_new_objects(*, on: bool) -> Iterator[None]:
    """Let collections of garbage in a block look at new objects only; without `on`, at all.

    What was there before the block is of earlier cases, or of the caller: looking at it takes
    longer than the calls of a case. Where the caller has put objects aside, they are left there.
    """
    if not on or gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def measure_own_usage(connections: Callable[[], int], *, collect: bool = True) -> ResourceUsage:
    """Return what this process holds."""
    if collect:
        gc.collect()  # garbage is not a leak: its sockets are closed with it
    files = next(filter(None, map(_entries, _DESCRIPTOR_FOLDERS)), None)
    return ResourceUsage(
        connections=connections(),
        files=files,
        threads=count_threads(),
        tasks=_count_tasks(),
        processes=len(_list_process_tree(os.getpid())) - 1,
    )


async def count_left_tasks() -> int:
    """Return how many tasks there are beside this one, once cancelled ones have had time to end."""
    # A caller whose loop was blocked may be cancelled only now.
    with suppress(asyncio.CancelledError):
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)  # noqa: TID251 - takes no time
    return len(asyncio.all_tasks()) - 1


def _count_tasks() -> int | None:
    """Return how many tasks the running event loop has; None where none runs."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return None


def count_threads() -> int:
    """Return how many threads this process has, including those not started by Python."""
    return _entries("/proc/self/task") or threading.active_count()


def measure_process_usage(process: int, connections: int) -> ResourceUsage:
    """Return what a program and its children hold."""
    family = _list_process_tree(process)
    files, threads = (
        sum(filter(None, (_entries(f"/proc/{each}/{name}") for each in family))) or None
        for name in ("fd", "task")
    )
    return ResourceUsage(
        connections=connections,
        files=files,
        threads=threads,
        processes=len(family) - 1,
        process=process,
    )


def measure_processor_wait(process: int) -> float:
    """Return for how many seconds the threads of a program have waited for a processor.

    It is 0 where the system does not tell.
    """
    total = 0
    with suppress(OSError, ValueError, IndexError):
        for task in Path(f"/proc/{process}/task").iterdir():
            total += int(task.joinpath("schedstat").read_text("ascii").split()[1])
    return total / 1e9


def _entries(place: str) -> int | None:
    try:
        return sum(1 for _ in Path(place).iterdir())
    except OSError:  # the process has ended, or the system has no such folder
        return None


def _list_process_tree(process: int) -> list[int]:
    """Return a process with its descendants, or itself alone where they are not known."""
    found = [process]
    for each in found:
        with suppress(OSError):
            for task in list(Path(f"/proc/{each}/task").iterdir()):
                found += map(int, task.joinpath("children").read_text("ascii").split())
    return found
