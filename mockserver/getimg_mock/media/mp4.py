"""The order of the boxes in an MP4 file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER: Final = 8
_LARGE_HEADER: Final = 16
# The way from the index down to the tables of chunk offsets.
_CONTAINERS: Final = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_OFFSETS: Final = {b"stco": 4, b"co64": 8}


def with_index_first(file: bytes) -> bytes:
    """Return `file` with its index before its media, so that it plays while it is downloaded.

    FFmpeg does this only to files that it can open a second time, which memory is not.
    """
    boxes = {kind: (start, end) for kind, start, end in _iterate_boxes(file, 0, len(file))}
    index_start, index_end = boxes[b"moov"]
    media_start = min(start for kind, (start, _) in boxes.items() if kind in {b"free", b"mdat"})
    if index_start < media_start:
        return file
    index = bytearray(file[index_start:index_end])
    _move_chunks(index, 0, len(index), by=len(index))
    return b"".join((file[:media_start], index, file[media_start:index_start], file[index_end:]))


def _iterate_boxes(
    data: bytes | bytearray, start: int, end: int
) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and end of each box between `start` and `end`."""
    while start < end:
        size = int.from_bytes(data[start : start + 4], "big")
        if size == 1:  # a box of 4 GiB or more says so in a field of its own
            size = int.from_bytes(data[start + _HEADER : start + _LARGE_HEADER], "big")
        yield bytes(data[start + 4 : start + _HEADER]), start, start + size
        start += size


def _move_chunks(index: bytearray, start: int, end: int, *, by: int) -> None:
    for kind, box_start, box_end in _iterate_boxes(index, start, end):
        if kind in _CONTAINERS:
            _move_chunks(index, box_start + _HEADER, box_end, by=by)
        elif kind in _OFFSETS:
            size = _OFFSETS[kind]
            for at in range(box_start + _LARGE_HEADER, box_end, size):
                moved = int.from_bytes(index[at : at + size], "big") + by
                index[at : at + size] = moved.to_bytes(size, "big")
