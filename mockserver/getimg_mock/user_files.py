"""Files of the user: where state is kept, and errors in one sentence for what cannot be used."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from getimg_mock.errors import SettingsError


def find_state_folder() -> Path:
    """Return the folder for what outlives a run: spend by day, and the events of each last run.

    It is `getimg-mock` below `XDG_STATE_HOME`, or below `~/.local/state`, and may not exist yet.
    Raises `RuntimeError` when the user has no home folder.
    """
    state = os.environ.get("XDG_STATE_HOME")
    place = Path(state) if state else Path.home() / ".local" / "state"
    return place / "getimg-mock"


MAX_FILE_SIZE: Final = 1 << 30
"""The largest file in bytes that is read."""


def read_user_file(path: Path) -> str:
    """Return the text of a UTF-8 file, without a byte order mark; raises `SettingsError`."""
    try:
        if path.is_char_device() or path.is_block_device():
            raise SettingsError(f"{path} cannot be read: it is a device. Name a file.")
        if path.stat().st_size > MAX_FILE_SIZE:
            raise SettingsError(
                f"{path} cannot be read: it has more than {MAX_FILE_SIZE >> 20} MiB. Give the "
                "part of it that is wanted."
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{path} cannot be read: it is not UTF-8 from byte {error.start} on."
        ) from None


def write_user_file(path: Path, text: str) -> None:
    """Write a UTF-8 file, with escapes for lone surrogates; raises `SettingsError`."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from None


def require_writable(path: Path) -> None:
    """Raise `SettingsError` unless a file can be written at `path`; writes nothing."""
    folder = path.parent
    if path.is_dir():
        raise SettingsError(f"{path} is a folder: name a file in it.")
    if not folder.is_dir():
        raise SettingsError(f"{path} cannot be written: there is no folder {folder}.")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise SettingsError(f"{path} cannot be written: permission is denied.")
