"""A store that cannot be used: one sentence at the start, 503 while serving, and it recovers."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from getimg_mock.cli import main
from getimg_mock.errors import ControlError, SettingsError, StoreError
from getimg_mock.store import redis_rows, sqlite_rows, sqlite_tables
from getimg_mock.store.redis_rows import RedisRows
from getimg_mock.store.sqlite_rows import SqliteRows
from tests.store.makers import Maker
from tests.store.redis_server import find_free_port, run_redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.driver import Reply


def _is_refused(reply: Reply) -> bool:
    if reply.status != 503:
        return False
    return (reply.error["code"], reply.header("retry-after")) == ("server_error", "1")


@pytest.mark.parametrize(
    "address",
    ["sqlite:////nowhere/at/all.db", "redis://127.0.0.1:1/0", "redis://127.0.0.1:x/0", "mysql://x"],
)
def test_what_cannot_be_reached_is_one_sentence(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends with status 2 before it listens, without a stack trace."""
    assert main(["serve", "--port", "0", "--store", address]) == 2
    told = capsys.readouterr().err
    assert told.startswith("getimg-mock: ")
    assert told.count("\n") == 1


def test_a_password_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Addresses are printed, passwords are not."""
    assert main(["serve", "--port", "0", "--store", "redis://me:hidden-word@127.0.0.1:1/0"]) == 2
    assert "hidden-word" not in capsys.readouterr().err


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    """It is neither overwritten nor extended."""
    text = tmp_path / "notes.txt"
    text.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        SqliteRows(text)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE things (name)")
    connection.close()
    before = other.read_bytes()
    with pytest.raises(SettingsError, match="another program"):
        SqliteRows(other)
    assert other.read_bytes() == before
    assert text.read_bytes() == b"not a database" * 100


def test_another_format_is_refused(durable: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version's store is not read as if it were ours; the message says what to do."""
    durable.open()
    monkeypatch.setattr(sqlite_tables, "FORMAT", 4)
    monkeypatch.setattr(redis_rows, "FORMAT", 4)
    with pytest.raises(SettingsError, match=r"this version reads format 4.*[Uu]se another"):
        durable.open()


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    """It has what signs the links."""
    path = tmp_path / "fake.db"
    maker = Maker(f"sqlite:///{path}")
    maker.drive().image()
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    maker.close()


def test_a_locked_file_is_refused_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another program holds the file: 503 with Retry-After, and afterwards it goes on."""
    monkeypatch.setattr(sqlite_rows, "BUSY_SECONDS", 0.01)
    maker = Maker(f"sqlite:///{tmp_path}/fake.db")
    driver = maker.drive()
    assert driver.image().status == 200
    before = driver.books()
    blocking = sqlite3.connect(tmp_path / "fake.db", isolation_level=None)
    blocking.execute("BEGIN IMMEDIATE")
    assert _is_refused(driver.image())
    with pytest.raises(ControlError) as failed:
        driver.workspace().advance(1)
    assert failed.value.status == 503
    blocking.execute("ROLLBACK")
    blocking.close()
    assert driver.books() == before
    assert driver.image().status == 200
    assert "locked" in capsys.readouterr().err
    maker.close()


def test_a_unit_of_work_has_its_turn_while_others_ask_anew(tmp_path: Path) -> None:
    """One of several busy processes does not lose each turn to those that ask at once."""
    path, turns, waiting = tmp_path / "fake.db", 0, SqliteRows(tmp_path / "fake.db")
    workspace_id = "0" * 16
    done = threading.Event()

    def hog() -> None:
        nonlocal turns
        rows = SqliteRows(path)
        while not done.is_set() and turns < 5_000:
            rows.begin()
            rows.read_version(workspace_id)
            turns += 1
            rows.roll_back()
        rows.close()

    hogs = [threading.Thread(target=hog) for _ in range(3)]
    for each in hogs:
        each.start()
    for _ in range(20):
        waiting.begin()
        waiting.read_version(workspace_id)
        waiting.roll_back()
    done.set()
    for each in hogs:
        each.join()
    waiting.close()


def test_a_full_disk_keeps_nothing_of_a_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What does not fit is answered with 503; what was answered before is there."""
    maker = Maker(f"sqlite:///{tmp_path}/fake.db")
    driver = maker.drive()
    made = driver.image().json["id"]
    store = driver.app.fake.store
    rows = store._rows  # type: ignore[attr-defined]
    (pages,) = rows._connection.execute("PRAGMA page_count").fetchone()
    rows._connection.execute(f"PRAGMA max_page_count = {pages}")
    answers = [driver.image(prompt=f"{number} {'x' * 900}") for number in range(40)]
    assert any(_is_refused(each) for each in answers)
    rows._connection.execute("PRAGMA max_page_count = 1000000")
    assert driver.image().status == 200
    kept = list(maker.drive().workspace().generations)
    assert kept[0] == made
    assert len(kept) == 2 + sum(each.status == 200 for each in answers)
    assert "full" in capsys.readouterr().err
    maker.close()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write it")
def test_a_read_only_file_is_one_sentence(tmp_path: Path) -> None:
    """A store that cannot be written is none."""
    path = tmp_path / "fake.db"
    SqliteRows(path).close()
    path.chmod(0o400)
    with pytest.raises(StoreError, match="cannot be used"):
        SqliteRows(path)


def test_a_torn_log_loses_no_more_than_its_end(tmp_path: Path) -> None:
    """A crash may leave half of the last entry of the log: whole units of work remain."""
    maker = Maker(f"sqlite:///{tmp_path}/fake.db")
    driver = maker.drive()
    for number in range(20):
        driver.image(prompt=f"number {number}")
    for name in ("fake.db", "fake.db-wal"):
        (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
    log = tmp_path / "copy-fake.db-wal"
    log.write_bytes(log.read_bytes()[:-3000])
    torn = Maker(f"sqlite:///{tmp_path}/copy-fake.db")
    books = torn.drive().books()
    assert books.credited - books.held - books.charged >= 0
    assert books.held == 0
    assert books.generations == 19
    assert books.charged == books.generations * driver.books().charged / 20
    torn.close()
    maker.close()


def test_redis_that_goes_and_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Requests meanwhile are refused; the first one after the restart is answered."""
    port = find_free_port()
    maker = Maker(f"redis://127.0.0.1:{port}/0")
    words = ("--appendonly", "yes", "--appendfsync", "always")
    with run_redis(port, str(tmp_path), *words) as process:
        driver = maker.drive()
        made = driver.video().json["id"]
        process.kill()
        process.wait(30)
        assert _is_refused(driver.poll(made))
    with run_redis(port, str(tmp_path), *words):
        assert driver.poll(made).status == 200
        assert driver.books().generations == 1
        maker.close()
    assert "cannot be used" in capsys.readouterr().err


def test_a_redis_that_has_lost_changes_is_read_anew(tmp_path: Path) -> None:
    """Others may have made as many changes since: the same version says something else then."""
    port = find_free_port()
    maker = Maker(f"redis://127.0.0.1:{port}/0")
    with run_redis(port, str(tmp_path)):
        one = maker.drive()
        for number in range(3):
            assert one.image(prompt=f"lost {number}").status == 200
    with run_redis(port, str(tmp_path)):
        other = maker.drive()
        assert {other.balance() for _ in range(3)} == {"100.00"}
        assert one.books().charged == 0
        assert one.balance() == "100.00"
        maker.close()


def test_a_lock_of_a_dead_process_ends(redis_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed within a unit of work does not hold its workspace for ever."""
    monkeypatch.setattr(redis_rows, "_LOCK_MILLISECONDS", 50)
    address = f"{redis_address}?prefix=dead"
    dead = RedisRows(address)
    dead.begin()
    dead.read_version("0" * 16)
    other = RedisRows(address)
    other.begin()
    assert other.read_version("0" * 16) is None
    with pytest.raises(StoreError, match="a lock has expired"):
        dead.commit([])
    other.roll_back()
    dead.close()
    other.close()


@contextmanager
def _mount_small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of 512 KiB; skips the test where that is not allowed."""
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    folder.mkdir()
    command = [str(mount), "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    done = mount and subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - the system's own
    if not done or done.returncode or not unmount:
        pytest.skip("a file system cannot be mounted here: it needs root and CAP_SYS_ADMIN")
    try:
        yield folder
    finally:
        subprocess.run([unmount, "-l", str(folder)], check=True)  # noqa: S603 - see above


def test_a_full_file_system_keeps_nothing_of_a_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `max_page_count`, and with a log that cannot grow; space that is freed is used again."""
    with _mount_small_disk(tmp_path / "disk") as disk:
        ballast = disk / "ballast"
        maker = Maker(f"sqlite:///{disk}/fake.db")
        driver = maker.drive()
        made = driver.image().json["id"]
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        answers = [driver.image(prompt=f"{number} {'x' * 900}") for number in range(20)]
        assert any(_is_refused(each) for each in answers)
        ballast.unlink()
        assert driver.image().status == 200
        kept = list(maker.drive().workspace().generations)
        assert kept[0] == made
        assert len(kept) == 2 + sum(each.status == 200 for each in answers)
        maker.close()
    assert "cannot be used" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="its folders cannot be made read-only like this")
def test_a_file_on_a_read_only_file_system_is_one_sentence(tmp_path: Path) -> None:
    """Root may write any file, but no file system that is mounted read-only."""
    with _mount_small_disk(tmp_path / "disk") as disk:
        SqliteRows(disk / "fake.db").close()
        command = [str(shutil.which("mount")), "-o", "remount,ro", str(disk)]
        if subprocess.run(command, check=False, capture_output=True).returncode:  # noqa: S603 - see above
            pytest.skip("a file system cannot be remounted here")
        with pytest.raises(StoreError, match="cannot be used"):
            SqliteRows(disk / "fake.db")
