"""Locks of workspaces among the processes of one machine, which end with their process."""

from __future__ import annotations

import os
import struct
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl: Any = None  # type: ignore[no-redef]  # asked for below

# Locks of an open file, which exclude each other within a process too: its type, whence, start,
# length and process.
_LOCK: Final = struct.Struct("hhqqi4x")
_ARE_KNOWN: Final = sys.platform == "linux" and struct.calcsize("P") == 8
# 60 bits of an id: bytes beyond the end of a file can be locked.
_DIGITS: Final = 15


class WorkspaceLocks:
    """Locks one byte of the file `path` for each workspace; the file is made with mode 0600.

    Another byte is that of the next one: what has it waits for the first, and what has just
    released that cannot lock it again before. Otherwise a busy process would take the workspace
    again and again while others pause between two tries.

    The system releases the locks of a process that ends, however it ends. Raises `OSError` for a
    file that cannot be opened or locked.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._held: set[str] = set()
        self._next: set[str] = set()

    @staticmethod
    def are_available() -> bool:
        """Return whether the system has such locks."""
        return _ARE_KNOWN and hasattr(fcntl, "F_OFD_SETLK")

    def try_lock(self, workspace_id: str, *, waits: bool = False) -> bool:
        """Lock a workspace, unless another holds it; return whether it is locked now.

        With `waits` the workspace is reserved for the next try, until it is locked or released.
        """
        if workspace_id in self._held:
            return True
        at = 2 * int(workspace_id[:_DIGITS], 16)
        if workspace_id not in self._next and not self._apply(fcntl.F_WRLCK, at + 1, 1):
            return False
        is_locked = self._apply(fcntl.F_WRLCK, at, 1)
        if is_locked:
            self._held.add(workspace_id)
        if is_locked or not waits:
            self._next.discard(workspace_id)
            self._apply(fcntl.F_UNLCK, at + 1, 1)
        else:
            self._next.add(workspace_id)
        return is_locked

    def release(self) -> None:
        """Release every lock."""
        if self._held or self._next:
            self._held.clear()
            self._next.clear()
            self._apply(fcntl.F_UNLCK, 0, 0)

    def _apply(self, kind: int, start: int, length: int) -> bool:
        lock = _LOCK.pack(kind, os.SEEK_SET, start, length, 0)
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, lock)
        except (BlockingIOError, PermissionError):  # POSIX allows both for a lock that is held
            return False
        return True

    def close(self) -> None:
        """Release every lock, and close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
