"""Servers as processes of their own: the fake, and the bare app that it is compared with."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE: Final = 60.0  # seconds until a server that does not answer is given up
ENVIRONMENT: Final = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}
"""What programs are started with: as in an installation, modules are compiled once."""

_BIN: Final = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on 127.0.0.1:`port`; `cold_start` is spawn to first answer, seconds."""

    port: int
    process: subprocess.Popen[bytes]
    cold_start: float

    def read_cpu_seconds(self) -> float:
        """Return the processor time of the process and its threads up to now (Linux)."""
        # clock_getcpuclockid(3), which Python does not have: the clock of a process by its id.
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def resident_mib(self) -> float:
        """Return the memory that the process holds now."""
        ps = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
        return int(subprocess.run(ps, capture_output=True, check=True).stdout) / 1024


def bare(port: int) -> list[str]:
    """Return the command that serves the bare app, with the parts that the fake is made of."""
    options = ["--http", "httptools", "--loop", "uvloop", "--no-access-log", "--lifespan", "off"]
    return [
        sys.executable,
        "-m",
        "uvicorn",
        "benchmarks.bare:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
        *options,
    ]


def fake(port: int) -> list[str]:
    """Return the command that serves the fake, with money enough for every benchmark."""
    return [
        str(_BIN / "getimg-mock"),
        "serve",
        "--port",
        str(port),
        "--quiet",
        "--balance",
        "1000000",
    ]


def logging_fake(port: int) -> list[str]:
    """Return the command that serves the fake as people start it: one line per request."""
    return [*fake(port), "--no-quiet"]


@contextmanager
def running(command: Callable[[int], list[str]], request: bytes) -> Iterator[Server]:
    """Start a server; ready when it answers `request` with 200. Stops it at the end."""
    port = _free_port()
    began = time.perf_counter()
    process = subprocess.Popen(
        command(port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        env=ENVIRONMENT,
    )
    try:
        _first_answer(process, port, request, began + PATIENCE)
        yield Server(port, process, time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _first_answer(
    process: subprocess.Popen[bytes], port: int, request: bytes, until: float
) -> None:
    while time.perf_counter() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with status {process.returncode}.")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(request)
                answer = connection.recv(65536)
        except OSError:
            time.sleep(0.001)
            continue
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{process.args!r} answered {answer[:500]!r}.")
        return
    raise RuntimeError(f"{process.args!r} did not answer within {PATIENCE:.0f} seconds.")
