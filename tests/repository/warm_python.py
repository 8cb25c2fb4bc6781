"""Runs programs as `python FILE` does, in forks of one process that has imported what they import.

Most of the time of a short example is that of its imports. Each program still has a process, a
folder, an environment and a namespace of its own.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import subprocess
import sys
import threading
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# What the examples import; a fork of a process without threads is safe.
_IMPORTED: Final = "import getimg, httpx, getimg_mock, getimg_mock.serving.server"


@dataclass(slots=True)
class WarmPython:
    """A process that waits for programs to run."""

    process: subprocess.Popen[str]

    def run(
        self, file: Path, folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in a folder, and return how it ended with what it wrote."""
        output = folder / "output"
        order = {"file": str(file), "folder": str(folder), "output": str(output)}
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({**order, "environment": dict(environment)}) + "\n")
        stdin.flush()
        status = int(stdout.readline())
        told = output.read_text(encoding="utf-8")
        return subprocess.CompletedProcess([sys.executable, str(file)], status, told, "")


@contextmanager
def start_warm_python() -> Iterator[WarmPython]:
    """Start the process, and end it with the block."""
    command = [sys.executable, "-c", f"{_IMPORTED}; from {__name__} import serve; serve()"]
    with subprocess.Popen(  # noqa: S603 - this interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield WarmPython(process)
        assert process.stdin is not None
        process.stdin.close()


def serve() -> None:
    """Run each program that a line of standard input names, and write its exit status."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run_program(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run_program(order: dict[str, Any]) -> NoReturn:
    """Become the program, and end as an interpreter does."""
    status: object = 0
    try:
        _prepare(order)
        runpy.run_path(order["file"], run_name="__main__")
    except SystemExit as end:
        status = end.code
    except BaseException:  # noqa: BLE001 - as an interpreter shows it
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 0 if status is None else 1)


def _prepare(order: dict[str, Any]) -> None:
    """Give this process the folder, the environment and the files of the program."""
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    sys.argv, sys.path[0] = [order["file"]], order["folder"]
    with open(os.devnull) as nothing, open(order["output"], "w") as output:  # noqa: PTH123 - descriptors
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
