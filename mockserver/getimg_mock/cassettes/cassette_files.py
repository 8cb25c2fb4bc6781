"""The names of the files of a cassette, and reading them within bounds.

Only regular files are read: a link could lead to any file of the machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import CassetteError

if TYPE_CHECKING:
    from pathlib import Path

    from getimg_mock.cassettes.cassette import RecordedExchange

MANIFEST: Final = "manifest.json"
EXCHANGES: Final = "exchanges"
MEDIA: Final = "media"

MAX_ENTRY_SIZE: Final = 4 << 20
"""Bytes of a JSON file; reference pictures are stored as digests."""
MAX_MEDIA_SIZE: Final = 1 << 29
"""Bytes of a media file."""
MAX_ENTRIES: Final = 20_000
"""Files in each folder of a cassette."""
MAX_CASSETTE_SIZE: Final = 1 << 28
"""Bytes of all JSON files of a cassette."""

_ENTRY_NAME: Final = re.compile(r"[a-z]+(?:\.[a-z]+)?-[0-9a-f]{12}-[1-9][0-9]{0,5}\.json", re.ASCII)
_MEDIA_NAME: Final = re.compile(r"[0-9a-f]{64}\.(?:jpg|png|webp|mp4|bin)", re.ASCII)
_EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
}
_UNKNOWN_OPERATION: Final = "unknown"
_MAX_NAME_SHOWN: Final = 80


def format_entry_name(entry: RecordedExchange) -> str:
    """Return the name of an entry's file, such as `images.generate-0f3a5c9b2d41-1.json`."""
    return f"{entry.operation or _UNKNOWN_OPERATION}-{entry.digest}-{entry.occurrence}.json"


def format_media_name(digest: str, media_type: str) -> str:
    """Return the name of a media file of this SHA-256 and type."""
    kind = media_type.partition(";")[0].strip().lower()
    return f"{digest}.{_EXTENSIONS.get(kind, 'bin')}"


def is_media_name(name: str) -> bool:
    """Return whether a name is that of a media file."""
    return _MEDIA_NAME.fullmatch(name) is not None


def is_entry_name(name: str) -> bool:
    """Return whether a name is that of a file of an exchange or a job."""
    return _ENTRY_NAME.fullmatch(name) is not None


def list_entry_names(folder: Path) -> list[str]:
    """Return the names of the files of entries, sorted; hidden files are ignored."""
    return _list_names(folder / EXCHANGES, _ENTRY_NAME, "OPERATION-DIGEST-NUMBER.json")


def list_media_names(folder: Path) -> list[str]:
    """Return the names of the media files, sorted; hidden files are ignored."""
    return _list_names(folder / MEDIA, _MEDIA_NAME, "SHA256.jpg, .png, .webp, .mp4 or .bin")


def describe_files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Return name, size and time of change of each file of a cassette, as far as there is one.

    Two results are equal while no file has changed. Nothing is read.
    """
    found = []
    for place in (folder, folder / EXCHANGES, folder / MEDIA):
        with suppress(OSError):
            for entry in os.scandir(place):
                told = entry.stat(follow_symlinks=False)
                found.append((entry.path, told.st_size, told.st_mtime_ns))
    return tuple(sorted(found))


def _list_names(folder: Path, pattern: re.Pattern[str], wanted: str) -> list[str]:
    found: list[str] = []
    try:
        if folder.is_symlink():
            raise CassetteError(f"{folder} is a symbolic link: a cassette has real folders only.")
        for entry in folder.iterdir() if folder.is_dir() else ():
            if entry.name.startswith("."):
                continue
            if not pattern.fullmatch(entry.name):
                raise CassetteError(
                    f"{folder} holds {shorten_name(entry.name)}, which is not part of a cassette. "
                    f"Names there have the form {wanted}."
                )
            found.append(entry.name)
            if len(found) > MAX_ENTRIES:
                raise CassetteError(f"{folder} holds more than {MAX_ENTRIES} files. Split it.")
    except OSError as error:
        raise CassetteError(f"{folder} cannot be read: {error.strerror}.") from None
    return sorted(found)


def shorten_name(name: str) -> str:
    """Return a name for a message: without control characters, and not longer than a line."""
    shown = ascii(name)
    return shown if len(shown) <= _MAX_NAME_SHOWN else f"{shown[:_MAX_NAME_SHOWN]}..."


def read_json_file(path: Path) -> Any:
    """Return the value of a JSON file; raises `CassetteError` for what cannot be used."""
    data = _read_bytes(path, MAX_ENTRY_SIZE)
    try:
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CassetteError(f"{path} is not a JSON file: {str(error)[:80]}.") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def read_media_file(folder: Path, name: str) -> bytes:
    """Return a media file whose content has the digest that its name states.

    Raises `CassetteError` for a missing, too large or altered file.
    """
    if not is_media_name(name):
        raise CassetteError(f"{shorten_name(name)} is not the name of a media file.")
    path = folder / MEDIA / name
    data = _read_bytes(path, MAX_MEDIA_SIZE)
    if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
        raise CassetteError(
            f"{path} was altered: its content does not have the digest in its name. "
            "Restore it, or record it again."
        )
    return data


def measure_file(path: Path, limit: int) -> int:
    """Return the size of a regular file of at most `limit` bytes; raises `CassetteError`."""
    try:
        found = path.lstat()
    except OSError as error:
        raise CassetteError(f"{path} cannot be read: {error.strerror}.") from None
    if not stat.S_ISREG(found.st_mode):
        raise CassetteError(f"{path} is not a regular file: a cassette has no links and devices.")
    if found.st_size > limit:
        raise CassetteError(f"{path} has more than {limit >> 20} MiB, the limit of such a file.")
    return found.st_size


def _read_bytes(path: Path, limit: int) -> bytes:
    measure_file(path, limit)
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise CassetteError(f"{path} cannot be read: {error.strerror}.") from None
