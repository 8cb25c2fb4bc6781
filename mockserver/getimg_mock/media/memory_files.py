"""Media as open files in memory: the kernel sends those without copying them for each download."""

from __future__ import annotations

import os
from collections import OrderedDict
from threading import Lock
from typing import Final

_BUDGET: Final = 32 * 1024 * 1024
_SMALLEST: Final = 256 * 1024
"""Bytes of the smallest media that are worth a file."""

_MOST_SEEN: Final = 256


class MemoryFile:
    """An open file in memory that holds `data`."""

    __slots__ = ("_descriptor", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._descriptor = os.memfd_create("getimg-mock-media")
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._descriptor

    def __del__(self) -> None:
        os.close(self._descriptor)


class MemoryFiles:
    """Files of the media that were sent last, of at most `budget` bytes. Thread-safe.

    Media get one when they are sent again: most are downloaded once. Small ones get none, and on
    systems other than Linux none do.
    """

    def __init__(self, budget: int = _BUDGET) -> None:
        self._budget = budget
        self._size = 0
        # By the id of the bytes, which stays their own while their file is kept.
        self._files: OrderedDict[int, MemoryFile] = OrderedDict()
        self._seen: set[int] = set()
        self._lock = Lock()

    def find(self, data: bytes) -> MemoryFile | None:
        """Return the file of media that were asked for before, else None."""
        if not _SMALLEST <= len(data) <= self._budget or not hasattr(os, "memfd_create"):
            return None
        with self._lock:
            found = self._files.get(id(data))
            if found is not None:
                self._files.move_to_end(id(data))
            elif id(data) in self._seen:
                found = self._keep(data)
            else:
                # Other bytes may have the same id later: their file is then made a bit early.
                if len(self._seen) >= _MOST_SEEN:
                    self._seen.clear()
                self._seen.add(id(data))
            return found

    def _keep(self, data: bytes) -> MemoryFile | None:
        try:
            made = MemoryFile(data)
        except OSError:  # too many open files, or no memory
            return None
        self._files[id(data)] = made
        self._size += len(data)
        while self._size > self._budget:
            _, dropped = self._files.popitem(last=False)
            self._size -= len(dropped.data)
        return made
