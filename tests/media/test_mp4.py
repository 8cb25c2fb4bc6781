"""The index of an MP4 file comes first, and its offsets still point at the media."""

from __future__ import annotations

import pytest

from getimg_mock.media.mp4 import with_index_first


def box(kind: bytes, *content: bytes) -> bytes:
    """Return one box."""
    inside = b"".join(content)
    return (8 + len(inside)).to_bytes(4, "big") + kind + inside


def large_box(kind: bytes, content: bytes) -> bytes:
    """Return one box with its size in the large field."""
    return b"\0\0\0\1" + kind + (16 + len(content)).to_bytes(8, "big") + content


def offsets(kind: bytes, size: int, *values: int) -> bytes:
    """Return a table of chunk offsets."""
    entries = b"".join(value.to_bytes(size, "big") for value in values)
    return box(kind, bytes(4), len(values).to_bytes(4, "big"), entries)


def index(*tables: bytes) -> bytes:
    """Return an index with one track for each table."""
    return box(
        b"moov",
        box(b"mvhd", bytes(20)),
        *(
            box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stsd", b"x"), table))))
            for table in tables
        ),
    )


FIRST = box(b"ftyp", b"isom")


@pytest.mark.parametrize(("kind", "size"), [(b"stco", 4), (b"co64", 8)])
@pytest.mark.parametrize("make", [box, large_box])
def test_offsets_follow_their_media(kind: bytes, size: int, make: type) -> None:
    """Each still leads to the same byte, whatever the size of fields."""
    media = make(b"mdat", b"one, two, three")
    at = len(FIRST) + media.index(b"two")
    other = len(FIRST) + media.index(b"three")
    moved = with_index_first(FIRST + media + index(offsets(kind, size, at, other)))
    assert moved.index(b"moov") < moved.index(b"mdat")
    table = moved[moved.index(kind) + 12 :]
    assert moved[int.from_bytes(table[:size], "big") :].startswith(b"two")
    assert moved[int.from_bytes(table[size : 2 * size], "big") :].startswith(b"three")


def test_every_track_is_moved_and_nothing_is_lost() -> None:
    """Sound is found as well as pictures, and boxes between and after stay."""
    media = box(b"free") + box(b"mdat", b"one, two")
    at = len(FIRST) + media.index(b"two")
    table = offsets(b"stco", 4, at)
    file = FIRST + media + index(table, table) + box(b"udta", b"end")
    moved = with_index_first(file)
    assert len(moved) == len(file)
    assert moved.count(moved.index(b"two").to_bytes(4, "big")) == 2
    assert moved.endswith(box(b"free") + box(b"mdat", b"one, two") + box(b"udta", b"end"))


def test_a_file_with_its_index_first_stays_as_it_is() -> None:
    """Moving twice changes nothing."""
    file = FIRST + box(b"mdat", b"one") + index(offsets(b"stco", 4, len(FIRST) + 8))
    once = with_index_first(file)
    assert once != file
    assert with_index_first(once) == once
