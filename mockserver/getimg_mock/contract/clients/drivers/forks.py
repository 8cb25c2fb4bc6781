"""Calls in a forked child, by a client that was made, and used, in the parent."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

SUPPORTED: Final = hasattr(os, "fork") and sys.platform != "darwin"
"""Whether a forked Python may go on: macOS's own libraries, which look up proxies, may not."""

_CHILD_TIMEOUT: Final = 10.0


def run_in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Return what `work` returns in a forked child; None when it does not come back.

    Of the threads of this process only the caller's goes on in the child. A lock that another one
    holds just then is never let go there, so that None says something only where there is none.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _run_and_exit(work, writer)
    os.close(writer)
    said = b""
    try:
        while select.select([reader], [], [], _CHILD_TIMEOUT)[0] and (
            part := os.read(reader, 65536)
        ):
            said += part
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return json.loads(said) if said else None


def _run_and_exit(work: Callable[[], dict[str, Any]], writer: int) -> None:
    """Do the child's work and end it: nothing that the parent has begun is finished here."""
    try:
        silent = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(silent, standard)
        said = json.dumps(work()).encode()
        while said:
            said = said[os.write(writer, said) :]
    finally:
        os._exit(0)
