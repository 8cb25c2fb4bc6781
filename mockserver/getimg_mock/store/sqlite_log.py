"""The write-ahead log of a store in SQLite: when it is copied into the file."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from getimg_mock.store.rows import Changes

LOG_PAGES: Final = 16_000
"""After about so many pages that a process has written, it copies the log into the file."""

# As a part of the above, how much is written before what another process has stopped is repeated.
_RETRY_PART: Final = 4
_PAGE: Final = 4_096
# Where the log has two numbers that are others each time that it begins anew.
_SALTS: Final = slice(16, 24)


class WriteAheadLog:
    """Copies the log of a connection into its file, which flushes both.

    SQLite by itself would do so at every commit while the log is long. The log begins anew only
    when all of it is copied, and where another process goes on writing, it never is: then each
    commit flushes the disk twice. Here most of it is copied while others write, and the rest
    while they wait.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path.with_name(f"{path.name}-wal")
        self._pages = 0
        self._began = b""

    def note(self, changes: Iterable[Changes]) -> None:
        """Note what a commit has written; the log is copied if it is long."""
        self._pages += sum(map(_estimate_pages, changes))
        if self._pages < LOG_PAGES:
            return
        if self._has_begun_anew():
            # Another process has copied it meanwhile.
            self._pages = LOG_PAGES // 2
        else:
            self._copy()

    def _has_begun_anew(self) -> bool:
        """Return whether the log is another than when it was looked at last."""
        try:
            with self._path.open("rb") as file:
                began = file.read(_SALTS.stop)[_SALTS]
        except OSError:
            return False
        before, self._began = self._began, began
        return began != before

    def _copy(self) -> None:
        self._pages = 0
        # Where it fails, all is kept in the log as before.
        with suppress(sqlite3.DatabaseError):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            is_busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
            if is_busy:
                self._pages = LOG_PAGES - LOG_PAGES // _RETRY_PART


def _estimate_pages(changes: Changes) -> int:
    """Return about how many pages changes touch: one for each row, and those of long ones."""
    rows = len(changes.generations) + len(changes.counts) + len(changes.effects)
    bodies = sum(len(body) for _, body in changes.exchanges.values())
    return 1 + rows + len(changes.steps) + len(changes.exchanges) + bodies // _PAGE
