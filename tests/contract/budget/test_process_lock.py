"""The lock between processes."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock, Timeout

from getimg_mock.contract.budget import process_lock
from getimg_mock.contract.budget.process_lock import ProcessLock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("library", [False, True], ids=["system", "library"])
def test_one_lock_excludes_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, library: bool
) -> None:
    """Also where a file system has no such locks, and `filelock` takes over."""
    if library:

        def refuse(handle: int) -> bool:
            raise OSError(errno.EOPNOTSUPP, f"not for {handle}")

        monkeypatch.setattr(process_lock, "_lock", refuse)
    first, second = ProcessLock(tmp_path / "x.lock"), ProcessLock(tmp_path / "x.lock")
    for _ in range(2):
        assert first.try_acquire()
        assert not second.try_acquire()
        first.release()
    assert second.try_acquire()
    second.release()


def test_it_is_the_lock_of_earlier_releases(tmp_path: Path) -> None:
    """Earlier releases of the product take it by `filelock`, and may run at the same time."""
    own, earlier = ProcessLock(tmp_path / "x.lock"), FileLock(tmp_path / "x.lock")
    with earlier.acquire(timeout=0):
        assert not own.try_acquire()
    assert own.try_acquire()
    with pytest.raises(Timeout):
        earlier.acquire(timeout=0)
    own.release()


def test_other_errors_are_the_callers(tmp_path: Path) -> None:
    """A folder that is missing is no lock that another holds."""
    with pytest.raises(FileNotFoundError):
        ProcessLock(tmp_path / "missing" / "x.lock").try_acquire()
