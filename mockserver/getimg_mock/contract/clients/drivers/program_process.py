"""The process of a program under test, and what it writes to its standard error."""

from __future__ import annotations

import os
import queue
import select
import shlex
import subprocess
import sys
import threading
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError
from getimg_mock.world.clock import pause, stopwatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

_MOST_LOGGED: Final = 4 * 1024 * 1024
"""How many bytes of a case's log are kept: the first ones."""
_CATCH_UP_SECONDS: Final = 1.0
"""How long what a program has written by now is waited for, at most."""
_HAS_POLL: Final = sys.platform != "win32"


class ProgramLog:
    """What a program writes to its standard error: passed on to ours, and kept for the case."""

    def __init__(self) -> None:
        self._kept = bytearray()
        # Held from the read of a pipe until its bytes are kept: an empty pipe then means that all
        # is kept. Windows cannot ask a pipe whether it is empty, and would wait for the read.
        lock: AbstractContextManager[object] = threading.Lock() if _HAS_POLL else nullcontext()
        self._lock = lock
        self._pipe: IO[bytes] | None = None
        self._reader: threading.Thread | None = None

    def follow(self, pipe: IO[bytes]) -> None:
        """Read a pipe until its end, in a thread of its own."""
        self._pipe = pipe
        reader = threading.Thread(target=self._pump, args=(pipe,), daemon=True)
        reader.start()
        # Only now: a run that ends meanwhile waits for it in another thread.
        self._reader = reader

    def clear(self) -> None:
        """Forget what was written until now: a case begins."""
        self._catch_up()
        with self._lock:
            self._kept.clear()

    def read(self) -> str:
        """Return what was written since `clear`, all that preceded the last response included."""
        self._catch_up()
        with self._lock:
            return self._kept.decode("utf-8", "replace")

    def finish(self) -> None:
        """Wait until all that an ended program has written is shown.

        A child of the program may keep the pipe open: it is not waited for.
        """
        if self._reader is not None:
            self._reader.join(_CATCH_UP_SECONDS)

    def _pump(self, pipe: IO[bytes]) -> None:
        data = b"?"
        while data:
            _has_data(pipe, None)
            with self._lock:
                data = os.read(pipe.fileno(), 65536)
                self._kept += data[: _MOST_LOGGED - len(self._kept)]
                if not data:
                    pipe.close()
            _show(data)

    def _catch_up(self) -> None:
        until = stopwatch() + _CATCH_UP_SECONDS
        while self._is_behind() and stopwatch() < until:
            pause(0.001)
        if not _HAS_POLL:
            pause(0.02)

    def _is_behind(self) -> bool:
        with self._lock:
            pipe = self._pipe
            return _HAS_POLL and pipe is not None and not pipe.closed and _has_data(pipe, 0)


def _has_data(pipe: IO[bytes], milliseconds: int | None) -> bool:
    """Return whether a pipe can be read, once it can be or after the time; True on Windows."""
    if sys.platform == "win32":
        return True
    waiting = select.poll()  # `select.select` cannot take the numbers of many open files
    waiting.register(pipe.fileno(), select.POLLIN)
    return bool(waiting.poll(milliseconds))


def _show(data: bytes) -> None:
    """Write to the standard error that the program would have had without us."""
    with suppress(OSError):  # nobody reads it any more
        while data:
            data = data[os.write(2, data) :]


def _pump_lines(pipe: Any, lines: queue.Queue[bytes]) -> None:
    """Put the lines of a pipe into a queue, and an empty line at its end."""
    try:
        for line in pipe:
            lines.put(line)
    except ValueError:
        return
    finally:
        lines.put(b"")  # the end


def start_program(
    command: Sequence[str], log: ProgramLog, variables: Mapping[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], queue.Queue[bytes]]:
    """Return a started program and the lines of its standard output.

    `variables` are added to those of the environment. Raises `SettingsError` where it cannot be
    started.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the caller's own program
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(variables or {})},
        )
    except OSError as error:
        raise SettingsError(
            f"{shlex.join(command)} cannot be started: {error.strerror}. Write the command as "
            "in a shell, with the path of a program that is not on PATH."
        ) from None
    if process.stderr is None:
        raise AssertionError("the program was started with pipes")
    log.follow(process.stderr)
    lines: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=_pump_lines, args=(process.stdout, lines), daemon=True).start()
    return process, lines


def read_umask(process: int) -> str | None:
    """Return the umask of a process; None where the system does not tell."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text("utf-8", "replace").splitlines():
            if line.startswith("Umask:"):
                return line.partition(":")[2].strip()
    return None


def await_end(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Return whether a program ends by itself, in time, once it has nothing more to read."""
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.poll() is not None


def end_program(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and close its pipes; the reader of its standard error closes that one."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # requests that it has not read are not needed any more
                pipe.close()
