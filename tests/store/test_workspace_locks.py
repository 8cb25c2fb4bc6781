"""Locks of workspaces in SQLite: units of different workspaces go on at the same time."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.errors import StoreBusyError
from getimg_mock.store import redis_rows, sqlite_rows
from getimg_mock.store.sqlite_rows import SqliteRows
from getimg_mock.store.workspace_locks import WorkspaceLocks
from tests.store.makers import Maker

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = "1" * 16, "2" * 16

pytestmark = pytest.mark.skipif(
    not WorkspaceLocks.are_available(), reason="the system has no locks of open files"
)


def test_units_of_different_workspaces_do_not_wait(tmp_path: Path) -> None:
    """A process reads and decides for one workspace while another one does for another."""
    first, second = SqliteRows(tmp_path / "fake.db"), SqliteRows(tmp_path / "fake.db")
    for rows, name in ((first, ONE), (second, OTHER)):
        rows.begin()
        rows.read_version(name, waits=False)
    with pytest.raises(StoreBusyError, match=ONE):
        second.read_version(ONE, waits=False)
    first.commit([])
    second.read_version(ONE, waits=False)
    for each in (first, second):
        each.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    """A process that is killed within a unit of work holds up no other."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        WorkspaceLocks(tmp_path / "lock").try_lock(ONE)
        os.write(writing, b"x")
        signal.pause()
    assert os.read(reading, 1) == b"x"
    locks = WorkspaceLocks(tmp_path / "lock")
    assert not locks.try_lock(ONE)
    assert locks.try_lock(OTHER)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert locks.try_lock(ONE)
    locks.close()
    os.close(reading)
    os.close(writing)


def test_what_waits_is_next(durable: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that takes a workspace again and again leaves it to one that has asked."""
    busy, waiting = durable.open(), durable.open()
    rows: list[Any] = [busy, waiting]
    first, second = (each._rows for each in rows)
    first.begin()
    first.read_version(ONE)
    second.begin()
    with monkeypatch.context() as patch:
        for each in (sqlite_rows, redis_rows):
            patch.setattr(each, "BUSY_SECONDS", 0)
        with pytest.raises(StoreBusyError):
            second.read_version(ONE)
        first.commit([])
        first.begin()
        with pytest.raises(StoreBusyError):
            first.read_version(ONE, waits=False)
        second.read_version(ONE)
        second.roll_back()
        first.read_version(ONE)
        first.roll_back()


def test_processes_take_turns_without_such_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere a unit of work holds the file, so that nothing is lost there either."""
    monkeypatch.setattr(WorkspaceLocks, "are_available", staticmethod(lambda: False))
    maker = Maker(f"sqlite:///{tmp_path}/fake.db")
    one, other = maker.drive(max_workspaces=2), maker.drive(max_workspaces=2)
    for number in range(6):
        driver = (one, other)[number % 2]
        assert driver.image(prompt=f"number {number}").status == 200
    assert one.books() == other.books()
    for key in ("sk_other", "sk_third"):
        one.workspace(key)
    assert len(list(other.app.fake.store)) == 2
    assert not (tmp_path / "fake.db-lock").exists()
    maker.close()
