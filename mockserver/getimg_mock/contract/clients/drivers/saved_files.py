"""What a client has written: into the folder of a download, beside it, and to temporary files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SCRATCH: Final = "$TMPDIR/"
"""What the names of temporary files begin with."""
_LARGE: Final = 2**22
"""From which size on the content of a file is not read."""


def read_files(place: Path, scratch: Path | None = None) -> dict[str, bytes]:
    """Return the files in a call's directory, those outside of it, and temporary ones."""
    found = {}
    for each in sorted(place.parent.rglob("*")):
        if each.is_file():
            inside = each.is_relative_to(place)
            name = (
                str(each.relative_to(place)) if inside else f"../{each.relative_to(place.parent)}"
            )
            if inside or not each.parent.name.isdigit():
                found[name] = _read(each)
    if scratch is not None:
        temporary = (each for each in sorted(scratch.rglob("*")) if each.is_file())
        found |= {f"{SCRATCH}{each.relative_to(scratch)}": _read(each) for each in temporary}
    return found


def describe_large_file(size: int) -> bytes:
    """Return what stands for the content of a file that is too large to be read."""
    return b"a file of %d bytes" % size


def _read(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        return file.read_bytes() if size < _LARGE else describe_large_file(size)
    except FileNotFoundError:  # a part of another download, which has been renamed meanwhile
        return b""
