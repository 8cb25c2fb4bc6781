"""A lock between processes, by a file; acquiring it takes microseconds."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path

_UNSUPPORTED: Final = frozenset({errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK})
"""How a file system says that it has no such locks."""


@dataclass(slots=True)
class ProcessLock:
    """A lock by the file `path`, which two objects also exclude each other from.

    It is the lock that `filelock` takes: on POSIX by one system call, where the library does 0.4 ms
    of other work; elsewhere, and on file systems without such locks, by the library itself.
    """

    path: Path
    _handle: int | None = None
    _library: FileLock | None = field(default=None, repr=False)

    def try_acquire(self) -> bool:
        """Acquire the lock, or return False where another holds it; raises `OSError`."""
        if sys.platform != "win32" and self._library is None:
            try:
                return self._try_flock()
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
        if self._library is None:
            self._library = FileLock(str(self.path), thread_local=False)
        try:
            # The wait is the caller's: that of filelock would end at once where a clock is linked.
            self._library.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def release(self) -> None:
        """Release the lock."""
        if self._library is not None:
            self._library.release()
        if self._handle is not None:
            # A process that was forked meanwhile has a copy, which would keep a lock that is only
            # closed.
            _unlock(self._handle)
            os.close(self._handle)
            self._handle = None

    def _try_flock(self) -> bool:
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            found = _lock(handle)
        except BaseException:
            os.close(handle)
            raise
        if found:
            self._handle = handle
        else:
            os.close(handle)
        return found


if sys.platform != "win32":
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
else:

    def _lock(handle: int) -> bool:
        raise OSError(errno.ENOSYS, f"handle {handle} cannot be locked")

    def _unlock(handle: int) -> None:
        del handle
