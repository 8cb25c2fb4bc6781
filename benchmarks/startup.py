"""How long from starting the command to its first answer, against a bare app under uvicorn.

The first answer is that to an image request, so nothing that it needs can be put off until later.
`getimg-mock --version` is compared with `python -c pass`. With `--cpu` it compares processor time.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load import image_requests
from benchmarks.processes import ENVIRONMENT, bare, fake, running
from benchmarks.targets import at_most

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = 9
EMPTY: Final = (sys.executable, "-c", "pass")
# What the script of an installation does, whose place differs.
VERSION: Final = (
    sys.executable,
    "-c",
    "import sys; from getimg_mock.cli import main; sys.exit(main(['--version']))",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.startup", description=__doc__)
    parser.add_argument("--cpu", action="store_true", help="compare processor time")
    cpu = parser.parse_args(arguments).cpu
    (request,) = image_requests(1)
    seconds: dict[str, list[float]] = {"bare": [], "fake": [], "empty": [], "version": []}
    for round_number in range(ROUNDS + 1):
        for name, command in (("bare", bare), ("fake", fake)):
            with running(command, request) as server:
                taken = server.read_cpu_seconds() if cpu else server.cold_start
            seconds[name].append(taken)
        for name, words in (("empty", EMPTY), ("version", VERSION)):
            seconds[name].append(_run(words, cpu=cpu))
        if not round_number:  # the first one compiles what is not yet compiled
            for each in seconds.values():
                each.clear()
    base, ours, empty, version = (median(each) for each in seconds.values())
    print(
        f"startup   spawn to first answer: bare {base:.3f} s, fake {ours:.3f} s; "
        f"python -c pass {empty:.3f} s, --version {version:.3f} s"
    )
    return max(
        at_most("startup   fake / bare", ours / base, 1.6),
        at_most("startup   --version / python -c pass", version / empty, 3.0),
    )


def _run(words: Sequence[str], *, cpu: bool) -> float:
    """Return the seconds that a command takes, of the clock or of the processor."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used if cpu else seconds


if __name__ == "__main__":
    sys.exit(main())
