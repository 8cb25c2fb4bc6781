"""Ends this process when its standard input ends, as it does when the parent process is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import Final

_STDIN: Final = 0
_PART: Final = 65_536


def end_with_input() -> None:
    """Send SIGTERM to this process as soon as its standard input ends; what comes there is ignored.

    A thread reads, since the input may be a pipe, a terminal or a file, on any system.
    """
    threading.Thread(target=_read_to_the_end, name="getimg-mock-input", daemon=True).start()


def _read_to_the_end() -> None:
    # Not sys.stdin: its lock would be held in a child that is forked meanwhile.
    with contextlib.suppress(OSError):  # a closed input has ended, too
        while os.read(_STDIN, _PART):
            pass
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("The standard input has ended, and so does the fake (--until-eof).\n")
        sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGTERM)
