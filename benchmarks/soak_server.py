"""A server under soak: what it has written, what it holds, and what must be true of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from getimg_mock.world.clock import pause, stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BALANCE: Final = 1000
MAX_MIB: Final = 400
"""Memory that the server may hold, with dozens of workspaces and full journals."""

_START_SECONDS: Final = 30.0
_ANSWER_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0
_SERVE: Final = (sys.executable, "-X", "faulthandler", "-m", "getimg_mock", "serve")


class BrokenInvariantError(Exception):
    """Something that must hold does not; the text says what."""


@dataclass(frozen=True, slots=True)
class SoakServer:
    """A `getimg-mock serve` of its own process, whose errors are kept in a file."""

    port: int
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def connect(self) -> HTTPConnection:
        """Return a connection; a request that is not answered in time raises `TimeoutError`."""
        return HTTPConnection("127.0.0.1", self.port, timeout=_ANSWER_SECONDS)

    def ask(
        self,
        connection: HTTPConnection,
        target: tuple[str, str],
        key: str,
        values: object = None,
    ) -> tuple[int, Any]:
        """Send one request and return the status and the JSON of its answer, if it has any."""
        method, path = target
        body = None if values is None else json.dumps(values)
        head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, head)
            answer = connection.getresponse()
            data = answer.read()
        except TimeoutError:
            raise BrokenInvariantError(
                f"{method} {path} {str(body)[:500]} of {key} was not answered in "
                f"{_ANSWER_SECONDS:.0f} s; threads of the server:\n{self.abort()}"
            ) from None
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(data) if is_json and data else None

    def read_memory(self) -> float:
        """Return the MiB that the process holds now."""
        ps = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
        return int(subprocess.run(ps, capture_output=True, check=True).stdout) / 1024

    def count_descriptors(self) -> int:
        """Return how many files and sockets the process has open; 0 where that is not shown."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        return len(list(folder.iterdir())) if folder.exists() else 0

    def abort(self) -> str:
        """End the process at once, and return where each of its threads was."""
        self.process.send_signal(signal.SIGABRT)
        self.process.communicate()
        self.errors.seek(0)
        return self.errors.read()[-8000:].decode("utf-8", "replace")

    def check(self, *keys: str) -> None:
        """Raise `BrokenInvariantError` unless all is well, and money of the workspaces adds up."""
        if self.process.poll() is not None:
            raise BrokenInvariantError(f"the server ended with {self.process.returncode}")
        self.errors.seek(0)
        written = self.errors.read()
        if b"Traceback" in written:
            raise BrokenInvariantError(written[-3000:].decode("utf-8", "replace"))
        held = self.read_memory()
        if held > MAX_MIB:
            raise BrokenInvariantError(f"the server holds {held:.0f} MiB, more than {MAX_MIB}")
        connection = self.connect()
        for key in keys:
            status, ledger = self.ask(connection, ("GET", "/__mock__/ledger"), key)
            parts = [Decimal(str(ledger[name])) for name in ("balance", "held", "charged")]
            if status != 200 or sum(parts) != BALANCE:
                raise BrokenInvariantError(f"money of {key} does not add up: {ledger}")
        connection.close()


@contextmanager
def start_server(*options: str, command: Sequence[str] = _SERVE) -> Iterator[SoakServer]:
    """Start a server on a free port, and stop it at the end; `command` may be another program.

    Raises `BrokenInvariantError` where it does not stop, unless the block raises an error.
    """
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, "--port", "0", "--quiet", "--balance", str(BALANCE), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        server = SoakServer(0, process, errors)
        try:
            yield replace(server, port=_read_port(process))
        except BaseException:
            process.kill()
            process.communicate()
            raise
        process.terminate()
        try:
            process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise BrokenInvariantError(
                f"no end {_STOP_SECONDS:.0f} s after SIGTERM; threads:\n{server.abort()}"
            ) from None


def _read_port(process: subprocess.Popen[bytes]) -> int:
    """Return the port from the first line that shows an address."""
    until = stopwatch() + _START_SECONDS
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    while stopwatch() < until:
        line = process.stdout.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if found:
            return int(found[1])
        pause(0.01)
    raise BrokenInvariantError("the server did not start")
