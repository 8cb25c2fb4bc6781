"""The tables of a store in SQLite, and the statements that write most of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from getimg_mock.errors import SettingsError
from getimg_mock.store.rows import FORMAT
from getimg_mock.store.sqlite_log import LOG_PAGES

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from getimg_mock.store.rows import Changes

    # The rows that each of `WRITES` writes.
    TableRows = dict[str, list[tuple[str | bytes | float | None, ...]]]

# Pages of the log after which SQLite copies it by itself: where `WriteAheadLog` does not.
_LONGEST_LOG: Final = 4 * LOG_PAGES
SHIFT: Final = 40
"""Numbers of exchanges, effects and steps share a key with the number of their workspace."""

# The format of a file without tables.
_EMPTY: Final = 0

_SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE workspaces (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    shown_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    used REAL NOT NULL,
    core TEXT NOT NULL,
    plan TEXT NOT NULL
);
CREATE TABLE generations (
    serial INTEGER PRIMARY KEY,
    workspace INTEGER NOT NULL,
    id TEXT NOT NULL,
    pending INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX generations_by_id ON generations (id, workspace);
CREATE INDEX generations_pending ON generations (workspace) WHERE pending;
CREATE TABLE counts (
    workspace INTEGER NOT NULL,
    name BLOB NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (workspace, name)
) WITHOUT ROWID;
CREATE TABLE effects (key INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE exchanges (
    serial INTEGER PRIMARY KEY,
    key INTEGER NOT NULL,
    weights BLOB NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX exchanges_by_key ON exchanges (key, weights);
CREATE TABLE steps (key INTEGER PRIMARY KEY, body TEXT NOT NULL);
"""

WRITES: Final = {
    "heads": """
INSERT INTO workspaces (number, id, shown_key, version, epoch, used, core, plan)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET shown_key = excluded.shown_key, version = excluded.version, epoch = excluded.epoch,
    used = excluded.used, core = excluded.core, plan = excluded.plan
""",
    "cores": "UPDATE workspaces SET version = ?, used = ?, core = ? WHERE number = ?",
    "generations": """
INSERT INTO generations (workspace, id, pending, body) VALUES (?, ?, ?, ?)
ON CONFLICT (id, workspace) DO UPDATE SET pending = excluded.pending, body = excluded.body
""",
    "counts": "INSERT OR REPLACE INTO counts VALUES (?, ?, ?)",
    "effects": "INSERT INTO effects VALUES (?, ?)",
    "exchanges": "INSERT INTO exchanges (key, weights, body) VALUES (?, ?, ?)",
    "steps": "INSERT INTO steps VALUES (?, ?)",
}
"""The statements that write rows: all heads of workspaces, or only their cores, and the rest."""

HEAD_COLUMNS: Final = "id, number, shown_key, version, epoch, used, core, plan"


def add_rows(rows: TableRows, changes: Changes) -> None:
    """Add what a workspace has changed to the rows that are written with one statement."""
    head, base = changes.head, changes.head.number << SHIFT
    if changes.anew or changes.plan_changed:
        known = (head.number, head.id, head.shown_key, head.version, head.epoch, head.used)
        rows["heads"].append((*known, head.core, head.plan))
    else:
        rows["cores"].append((head.version, head.used, head.core, head.number))
    for name, (body, pending) in changes.generations.items():
        rows["generations"].append((head.number, name, pending, body))
    for count in changes.counts.items():
        rows["counts"].append((head.number, *count))
    for table, numbered in (("effects", changes.effects), ("steps", changes.steps)):
        rows[table] += [(base + at, body) for at, body in numbered.items()]
    for at, (weights, packed) in changes.exchanges.items():
        rows["exchanges"].append((base + at, weights, packed))


def open_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Set up a connection to the file `path`, and make the tables where it is new.

    Raises `SettingsError` for a file of another program or format.
    """
    run = connection.execute
    # Asked first: the mode of the log stays with a file, and another program's is left as it is.
    _require_format(_read_format(connection), path)
    mode = run("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise SettingsError(
            f"{path}: SQLite cannot use WAL there ({mode}). Use a file on a local disk."
        )
    run("PRAGMA synchronous = NORMAL")
    run(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG}")
    run("BEGIN IMMEDIATE")
    try:
        _make_tables(connection, path)
        run("COMMIT")
    except BaseException:
        run("ROLLBACK")
        raise
    run("PRAGMA busy_timeout = 0")  # those that use the connection wait


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of an empty file."""
    found = _read_format(connection)
    _require_format(found, path)
    if found == _EMPTY:
        for statement in _SCHEMA.split(";")[:-1]:
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('format', ?)", (FORMAT,))


def _read_format(connection: sqlite3.Connection) -> int | None:
    """Return the format of a file, None for that of another program."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if not tables:
        return _EMPTY
    if not {"meta", "exchanges"} <= tables:
        return None
    found = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    return None if found is None else int(found[0])


def _require_format(found: int | None, path: Path) -> None:
    if found is None:
        raise SettingsError(f"{path} is of another program. Use another file.")
    if found not in {_EMPTY, FORMAT}:
        raise SettingsError(
            f"{path} has format {found}, and this version reads format {FORMAT}. "
            "Export its workspaces with the version that wrote it, or use another file."
        )
