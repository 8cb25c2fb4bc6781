"""Calls in a forked child, with a client that was created and used in the parent."""

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
"""Whether a forked child can go on: on macOS, system libraries that look up proxies fail there."""

_CHILD_TIMEOUT: Final = 10.0


def run_in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Return what `work` returns in a forked child; None when it does not return.

    Only the calling thread goes on in the child, where a lock that another thread held is never
    released. So None is meaningful only where this process has one thread.
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
    """Do the child's work and exit without finalizing what the parent has begun."""
    try:
        silent = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(silent, standard)
        said = json.dumps(work()).encode()
        while said:
            said = said[os.write(writer, said) :]
    finally:
        os._exit(0)
