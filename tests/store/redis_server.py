"""A Redis of the tests' own, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIRED: Final = "REQUIRE_REDIS"
"""The variable that forbids to skip tests where there is no Redis."""


def find_server() -> str:
    """Return the program; skips the test where there is none, unless that is forbidden."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        if os.environ.get(REQUIRED):
            pytest.fail(f"{REQUIRED} is set, and there is neither redis-server nor valkey-server")
        pytest.skip("needs redis-server or valkey-server: apt-get install redis-server")
    return found


def find_free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def run_redis(port: int, folder: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Redis on a port; what it keeps on disk is in `folder`."""
    command = [find_server(), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
    with subprocess.Popen(  # noqa: S603 - the system's own program
        [*command, "--save", "", *words], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        while line := process.stdout.readline():
            if b"Ready to accept connections" in line:
                break
        try:
            yield process
        finally:
            process.terminate()
            process.wait(30)
