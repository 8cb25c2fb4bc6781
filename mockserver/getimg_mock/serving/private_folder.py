"""A temporary folder of this process that is gone after it, however it ends."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_SHELL: Final = Path("/bin/sh")
# `read` returns when the other end of the pipe is closed, which the system does for a killed one.
_REMOVE: Final = 'read -r _; rm -rf -- "$1"'


@contextmanager
def open_private_folder(prefix: str) -> Iterator[Path]:
    """Yield a new folder that its owner alone can read, and remove it at the end.

    A shell waits for this process and removes the folder if it is killed, where there is a shell.
    """
    with TemporaryDirectory(prefix=prefix) as folder, _watch(folder):
        yield Path(folder)


def _watch(folder: str) -> AbstractContextManager[object]:
    if not _SHELL.exists():
        return nullcontext()
    command = [str(_SHELL), "-c", _REMOVE, str(_SHELL), folder]
    # In a session of its own: Ctrl-C, or a signal to all processes of the group, does not reach it.
    return subprocess.Popen(  # noqa: S603 - our own
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    )
