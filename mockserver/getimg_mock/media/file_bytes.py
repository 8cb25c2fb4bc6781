"""Large files, which are read piece by piece while they are sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import overload


class FileBytes:
    """A file as a sequence of bytes, of which only slices are ever in memory."""

    __slots__ = ("_file", "_size")

    def __init__(self, path: str, size: int) -> None:
        self._file = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed when it is collected
        self._size = size

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> bytes: ...
    def __getitem__(self, place: int | slice) -> int | bytes:
        if isinstance(place, int):
            return self[place : place + 1][0]
        first, last, _ = place.indices(self._size)
        return os.pread(self._file.fileno(), max(0, last - first), first)

    def fileno(self) -> int:
        """Return the descriptor of the open file."""
        return self._file.fileno()

    def __del__(self) -> None:
        self._file.close()
