"""Media that are downloaded again are open files, within bounds."""

from __future__ import annotations

import os
import sys

import pytest

from getimg_mock.media.memory_files import MemoryFiles

SIZE = 256 * 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such files")


def find_twice(files: MemoryFiles, data: bytes) -> bytes | None:
    """Ask for a file as two downloads do, and return what the second one gets."""
    assert files.find(data) is None
    found = files.find(data)
    return None if found is None else os.pread(found.fileno(), len(data) + 1, 0)


def test_the_second_download_is_of_a_file_with_the_same_bytes() -> None:
    """Most media are downloaded once, so the first download makes no file."""
    data = b"picture!" * (SIZE // 8)
    files = MemoryFiles()
    assert find_twice(files, data) == data
    assert files.find(data) is files.find(data)


def test_equal_sizes_are_not_confused() -> None:
    """A file belongs to its bytes."""
    files, (one, other) = MemoryFiles(), (b"a" * SIZE, b"b" * SIZE)
    assert (find_twice(files, one), find_twice(files, other)) == (one, other)


@pytest.mark.parametrize("size", [SIZE - 1, 2 * SIZE + 1])
def test_small_and_very_large_media_get_no_file(size: int) -> None:
    """A file is not worth it for small media, and those above the budget do not fit."""
    assert find_twice(MemoryFiles(2 * SIZE), bytes(size)) is None


def test_the_oldest_files_are_closed_beyond_the_budget() -> None:
    """The files of thousands of media do not fill the memory."""
    files, used = MemoryFiles(2 * SIZE), set[int]()
    for number in range(20):
        data = bytes([number]) * SIZE
        assert files.find(data) is None or number
        found = files.find(data)
        assert found is not None
        used.add(found.fileno())
    # The system gives the numbers of closed files to new ones.
    assert len(used) < 10
