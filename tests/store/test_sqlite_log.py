"""The write-ahead log of SQLite stays short, also while others write and read."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from getimg_mock.store import sqlite_log
from getimg_mock.store.rows import Changes, Head
from getimg_mock.store.sqlite_rows import SqliteRows

if TYPE_CHECKING:
    from pathlib import Path

PAGES = 60
PAGE = 4_096


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a store whose log is copied after a few pages."""
    monkeypatch.setattr(sqlite_log, "LOG_PAGES", PAGES)
    return tmp_path / "fake.db"


def _write(rows: SqliteRows, number: int, count: int) -> None:
    """Write some versions of a workspace, after those that it has."""
    found = rows.look_up_version(f"{number:016x}")
    first = 1 if found is None else found.version + 1
    for version in range(first, first + count):
        rows.begin()
        rows.read_version(f"{number:016x}")
        head = Head(f"{number:016x}", number, "sk_…", version, 1, 0.0, f"[{version}]", "{}")
        exchanges = {version: (b"3000", b"x" * 3_000)}
        rows.commit([Changes(head, plan_changed=version == 1, exchanges=exchanges)])


def test_the_log_begins_anew_while_another_process_writes(path: Path) -> None:
    """Two connections write in turn forty times as many rows as the log may have."""
    one, other = SqliteRows(path), SqliteRows(path)
    for _ in range(PAGES):
        _write(one, 1, 20)
        _write(other, 2, 20)
    size = (path.parent / "fake.db-wal").stat().st_size
    assert PAGE * PAGES / 2 < size < 10 * PAGE * PAGES
    assert one.look_up_version("1".zfill(16)) == other.look_up_version("1".zfill(16))
    one.close()
    other.close()


def test_a_reader_delays_it_and_nothing_else(path: Path) -> None:
    """Who reads for long keeps the log from beginning anew, and no commit from being kept."""
    rows = SqliteRows(path)
    _write(rows, 1, 1)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT version FROM workspaces").fetchall() == [(1,)]
    _write(rows, 1, 3 * PAGES)
    log = path.parent / "fake.db-wal"
    assert log.stat().st_size > 3 * PAGE * PAGES
    reader.execute("COMMIT")
    _write(rows, 1, PAGES)
    before = log.stat().st_size
    _write(rows, 1, 3 * PAGES)
    assert log.stat().st_size == before
    assert reader.execute("SELECT version FROM workspaces").fetchall() == [(1 + 7 * PAGES,)]
    reader.close()
    rows.close()


def test_a_failure_leaves_what_was_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is copied after the commit, whose changes are kept by then."""
    rows = SqliteRows(path)

    class Refusing:
        def execute(self, statement: str) -> None:
            raise sqlite3.OperationalError(statement)

    monkeypatch.setattr(rows._log, "_connection", Refusing())
    _write(rows, 1, 3 * PAGES)
    found = rows.look_up_version("1".zfill(16))
    assert found is not None
    assert found.version == 3 * PAGES
    rows.close()
