"""A fake in processes of its own, on a durable store."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVIRONMENT = {name: value for name, value in os.environ.items() if "GETIMG" not in name}


@dataclass(frozen=True)
class Served:
    """A running `getimg-mock serve`: its address, and the process that started its workers."""

    url: str
    process: subprocess.Popen[str]

    @property
    def workers(self) -> list[int]:
        """The processes of the workers."""
        pid = self.process.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(each) for each in listed.split()]


@contextmanager
def serve(*words: str) -> Iterator[Served]:
    """Run `getimg-mock serve` on a free port until the block ends."""
    command = [sys.executable, "-m", "getimg_mock", "serve", "--port", "0", "--quiet", *words]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r"answers at (\S+)", process.stdout.readline())
        assert found, "it did not start"
        try:
            yield Served(found[1], process)
        finally:
            process.terminate()
            process.wait(30)
