"""Rows in one SQLite file, which several processes of one machine share."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import StoreBusyError, StoreError
from getimg_mock.store.rows import Head, HeadVersion
from getimg_mock.store.sqlite_log import WriteAheadLog
from getimg_mock.store.sqlite_tables import HEAD_COLUMNS, SHIFT, WRITES, add_rows, open_tables
from getimg_mock.store.turns import take_turns
from getimg_mock.store.workspace_locks import WorkspaceLocks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from getimg_mock.store.rows import Changes
    from getimg_mock.store.sqlite_tables import TableRows

_LAST: Final = (1 << SHIFT) - 1

BUSY_SECONDS: Final = 5.0
"""How long a unit of work waits for those of other processes, in real seconds."""

# SQLite's own waiting sleeps ever longer, up to 0.1 s, while others that ask anew are let in: one
# of several busy processes can miss its turn for seconds. Short pauses give each of them its turn.
_FIRST_PAUSE: Final = 0.00005
_LONGEST_PAUSE: Final = 0.0004


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    """Return whether another process holds what was asked for."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


class SqliteRows:
    """Keeps rows in the file `path`, made on first use with mode 0600.

    Units of work of several processes go on at the same time where they are of different
    workspaces: each is locked by a byte of the file `path`-lock, and the file is written to in one
    short transaction. Where the system has no such locks, the transaction is the unit of work.

    Raises `StoreError` when the file cannot be opened, and `SettingsError` for a file that is none
    of ours or of another format.
    """

    incarnation = 0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._locks: WorkspaceLocks | None = None
        self._deleted: dict[str, None] = {}
        # How many workspaces to keep, and some that stay.
        self._bound: tuple[int, Collection[str]] | None = None
        with self._explain():
            path.touch(mode=0o600)
            if WorkspaceLocks.are_available():
                self._locks = WorkspaceLocks(path.with_name(f"{path.name}-lock"))
            self._connection = sqlite3.connect(
                path,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            open_tables(self._connection, path)
            self._log = WriteAheadLog(self._connection, path)

    @contextmanager
    def _explain(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(f"The store {self._path} cannot be used: {error}.") from error
        except OSError as error:
            why = error.strerror or str(error)
            raise StoreError(f"The store {self._path} cannot be used: {why}.") from error

    def _read(self, statement: str, *values: Any) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            refused = error
        # The turns are taken here alone: most reads need none.
        for _ in take_turns(BUSY_SECONDS, _FIRST_PAUSE, _LONGEST_PAUSE):
            if not _is_busy(refused):
                break
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.DatabaseError as error:
                refused = error
        raise StoreError(f"The store {self._path} cannot be read: {refused}.") from refused

    @property
    def locks_everything(self) -> bool:
        """Whether a unit of work keeps other processes from all workspaces."""
        return self._locks is None

    def begin(self) -> None:
        """Begin a unit of work; workspaces are locked when their versions are read."""
        if self._locks is None:
            self._read("BEGIN IMMEDIATE")

    def commit(
        self,
        changes: list[Changes],
        failed: Callable[[StoreError], object] | None = None,  # noqa: ARG002 - nothing is left for later
    ) -> None:
        """End the unit of work, and keep its changes at once."""
        for name in self._deleted:
            self._lock(name, waits=True)
        with self._explain():
            if changes or self._deleted or self._bound is not None:
                if not self._connection.in_transaction:
                    self._read("BEGIN IMMEDIATE")
                for name in self._deleted:
                    self._delete_workspace(name)
                self._write(changes)
                self._delete_surplus({each.head.id for each in changes})
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
        self._end()
        self._log.note(changes)

    def roll_back(self) -> None:
        """End the unit of work without changes."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.DatabaseError:  # the file has gone: so has the transaction
            return
        finally:
            self._end()

    def _end(self) -> None:
        self._deleted.clear()
        self._bound = None
        if self._locks is not None:
            self._locks.release()

    def _lock(self, workspace_id: str, *, waits: bool) -> None:
        """Lock a workspace for the unit of work; raises `StoreBusyError`."""
        if self._locks is None or self._locks.try_lock(workspace_id):
            return
        if waits:
            for _ in take_turns(BUSY_SECONDS, _FIRST_PAUSE, _LONGEST_PAUSE):
                if self._locks.try_lock(workspace_id, waits=True):
                    return
        raise StoreBusyError(
            f"The store {self._path} is busy: another process has held workspace {workspace_id} "
            f"for {BUSY_SECONDS:g} s."
        )

    def _write(self, changes: list[Changes]) -> None:
        """Write what several workspaces have changed: each statement takes all of its rows."""
        rows: TableRows = {name: [] for name in WRITES}
        for each in changes:
            if each.anew:
                self._delete_rows(each.head.number, "generations", "counts")
                base = each.head.number << SHIFT
                self._delete_range("effects", base, base + _LAST + 1)
            add_rows(rows, each)
        for name, found in rows.items():
            if found:
                self._connection.executemany(WRITES[name], found)
        for each in changes:
            self._delete_oldest_rows(each)

    def _delete_oldest_rows(self, changes: Changes) -> None:
        base = changes.head.number << SHIFT
        for table, first in (
            ("effects", changes.first_effect),
            ("exchanges", changes.first_exchange),
            ("steps", changes.first_step),
        ):
            if first is not None:
                self._delete_range(table, base, base + first)

    def _delete_range(self, table: str, begin: int, end: int) -> None:
        self._read(f"DELETE FROM {table} WHERE key >= ? AND key < ?", begin, end)  # noqa: S608 - our names

    def _delete_rows(self, number: int, *tables: str) -> None:
        for table in tables:
            self._read(f"DELETE FROM {table} WHERE workspace = ?", number)  # noqa: S608 - our names

    def read_version(self, workspace_id: str, *, waits: bool = True) -> HeadVersion | None:
        """Lock a workspace, and return its version; None for an unknown one."""
        with self._explain():
            self._lock(workspace_id, waits=waits)
        return self.look_up_version(workspace_id)

    def look_up_version(self, workspace_id: str) -> HeadVersion | None:
        """Return the version of a workspace, without locking it."""
        found = self._read(
            "SELECT number, version, epoch FROM workspaces WHERE id = ?", workspace_id
        )
        return HeadVersion(*found[0]) if found else None

    def read_head(self, workspace_id: str) -> Head | None:
        """Return the row of a workspace."""
        found = self._read(f"SELECT {HEAD_COLUMNS} FROM workspaces WHERE id = ?", workspace_id)  # noqa: S608 - our names
        return Head(*found[0]) if found else None

    def list_heads(self) -> list[Head]:
        """Return the rows of all workspaces, the last used one last."""
        found = self._read(f"SELECT {HEAD_COLUMNS} FROM workspaces ORDER BY used")  # noqa: S608 - our names
        return [Head(*each) for each in found]

    def allocate_number(self) -> int:
        """Return the number of a new workspace, which no other had."""
        is_own = not self._connection.in_transaction
        if is_own:
            self._read("BEGIN IMMEDIATE")
        try:
            self._read("INSERT OR IGNORE INTO meta VALUES ('number', 0)")
            self._read("UPDATE meta SET value = value + 1 WHERE name = 'number'")
            return int(self._read("SELECT value FROM meta WHERE name = 'number'")[0][0])
        finally:
            if is_own:
                self._read("COMMIT")

    def count_workspaces(self) -> int:
        """Return the number of workspaces."""
        return int(self._read("SELECT count(*) FROM workspaces")[0][0])

    def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace with all its rows, when the unit of work is kept."""
        self._deleted[workspace_id] = None

    def _delete_workspace(self, workspace_id: str) -> None:
        found = self.look_up_version(workspace_id)
        if found is None:
            return
        base = found.number << SHIFT
        self._delete_rows(found.number, "generations", "counts")
        for table in ("effects", "exchanges", "steps"):
            self._delete_range(table, base, base + _LAST + 1)
        self._read("DELETE FROM workspaces WHERE number = ?", found.number)

    def delete_oldest(self, bound: int, kept_ids: Collection[str]) -> None:
        """Delete the least recently used workspaces, so that `bound` are left at the end."""
        self._bound = (bound, kept_ids)

    def _delete_surplus(self, changed: set[str]) -> None:
        """Delete what exceeds the bound, but what another process uses at the moment."""
        if self._bound is None:
            return
        bound, kept_ids = self._bound
        surplus = self.count_workspaces() - bound
        if surplus <= 0:
            return
        for (found,) in self._read("SELECT id FROM workspaces ORDER BY used, number"):
            if found in kept_ids or found in changed:
                continue
            if self._locks is None or self._locks.try_lock(found):
                self._delete_workspace(found)
                surplus -= 1
                if not surplus:
                    return

    def read_generation(self, number: int, generation_id: str) -> str | None:
        """Return the row of a generation."""
        found = self._read(
            "SELECT body FROM generations WHERE id = ? AND workspace = ?", generation_id, number
        )
        return found[0][0] if found else None

    def read_pending(self, number: int) -> list[str]:
        """Return the rows of the pending generations, in the order of submission."""
        found = self._read(
            "SELECT body FROM generations WHERE workspace = ? AND pending ORDER BY serial", number
        )
        return [body for (body,) in found]

    def iterate_generations(self, number: int) -> Iterator[str]:
        """Yield the rows of all generations in the order of submission."""
        found = self._read(
            "SELECT body FROM generations WHERE workspace = ? ORDER BY serial", number
        )
        return (body for (body,) in found)

    def find_holders(self, generation_id: str) -> list[str]:
        """Return the ids of the workspaces that have a generation of that id."""
        found = self._read(
            "SELECT w.id FROM generations g JOIN workspaces w ON w.number = g.workspace"
            " WHERE g.id = ? ORDER BY w.number",
            generation_id,
        )
        return [name for (name,) in found]

    def read_count(self, number: int, name: bytes) -> int | None:
        """Return a count."""
        found = self._read(
            "SELECT count FROM counts WHERE workspace = ? AND name = ?", number, name
        )
        return found[0][0] if found else None

    def read_counts(self, number: int) -> dict[bytes, int]:
        """Return all counts."""
        return dict(self._read("SELECT name, count FROM counts WHERE workspace = ?", number))

    def read_effects(self, number: int) -> list[str]:
        """Return the rows of effects, oldest first."""
        return [body for (body,) in self._read_range("effects", number)]

    def read_steps(self, number: int) -> list[str]:
        """Return the rows of control commands, oldest first."""
        return [body for (body,) in self._read_range("steps", number)]

    def _read_range(self, table: str, number: int) -> list[Any]:
        base = number << SHIFT
        statement = f"SELECT body FROM {table} WHERE key BETWEEN ? AND ? ORDER BY key"  # noqa: S608 - our names
        return self._read(statement, base, base + _LAST)

    def read_exchanges(self, number: int, first: int, limit: int) -> list[bytes]:
        """Return at most `limit` rows of exchanges, from that with number `first` on."""
        base = number << SHIFT
        found = self._read(
            "SELECT body FROM exchanges WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
            base + first,
            base + _LAST,
            limit,
        )
        return [body for (body,) in found]

    def read_weights(self, number: int, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the last number and the sizes of at most `limit` rows, from `first` on."""
        base = number << SHIFT
        found = self._read(
            "SELECT key - ?, weights FROM exchanges WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",
            base,
            base + first,
            base + _LAST,
            limit,
        )
        return [(at, weights) for at, weights in found]

    def measure_bytes(self, number: int) -> int:
        """Return about how many bytes the rows of a workspace take."""
        base = number << SHIFT
        total = self._read(
            "SELECT coalesce(sum(length(body)), 0) FROM generations WHERE workspace = ?", number
        )[0][0]
        for table in ("effects", "exchanges", "steps"):
            statement = (
                f"SELECT coalesce(sum(length(body)), 0) FROM {table} WHERE key BETWEEN ? AND ?"  # noqa: S608 - our names
            )
            total += self._read(statement, base, base + _LAST)[0][0]
        return int(total)

    def vacuum(self) -> None:
        """Return free space to the system."""
        with self._explain():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("VACUUM")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        if self._locks is not None:
            self._locks.close()

    def __del__(self) -> None:
        # A fake is not closed in tests and in programs that end.
        with suppress(AttributeError, sqlite3.ProgrammingError):
            self.close()
