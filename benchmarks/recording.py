"""What recording adds to a request: the same requests to a fake, directly and through a recorder.

    python -m benchmarks.recording [SECONDS]

The fake is a process of its own, the client uses one connection; medians are of loopback. Targets:
at most 2 ms for a read, and for a submission once the first eight have been verified.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from benchmarks.targets import at_most
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY: Final = "sk_benchmark_0123456789"
IMAGE: Final = {"model": "z-image-turbo", "prompt": "A lighthouse"}
WARM_UP: Final = 20
TARGET: Final = 2.0


def start(*words: str) -> tuple[subprocess.Popen[str], str]:
    """Start `getimg-mock serve` with options; return the process and its address."""
    command = [sys.executable, "-m", "getimg_mock", "serve", "--port", "0", "--quiet", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline() if process.stdout is not None else ""
    return process, line.split(" at ")[1].split()[0]


def measure(url: str, seconds: float, *, submits: bool) -> float:
    """Return the median in milliseconds of requests to a server, one after the other."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    times = []
    for number in iterate(seconds):
        body = json.dumps({**IMAGE, "prompt": f"Number {number}"}) if submits else None
        path = "/v2/images/generations" if submits else "/v2/models"
        started = stopwatch()
        connection.request("POST" if submits else "GET", path, body, headers)
        response = connection.getresponse()
        response.read()
        times.append(stopwatch() - started)
        if response.status != 200:
            raise SystemExit(f"{url}{path} answered {response.status}.")
    connection.close()
    return statistics.median(times[WARM_UP:]) * 1000


def iterate(seconds: float) -> Iterator[int]:
    """Yield numbers until the time is over, and at least some more than are left out."""
    began, number = stopwatch(), 0
    while stopwatch() - began < seconds or number < 2 * WARM_UP:
        yield number
        number += 1


def main() -> int:
    """Print a table; the status is 1 where the target is missed."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    with tempfile.TemporaryDirectory() as folder:
        fake, url = start("--balance", "1000000")
        recorder, through = start(
            "--record", str(Path(folder) / "cassette"), "--upstream", url, "--budget", "1000000"
        )
        missed = 0
        try:
            for name, submits in (("read", False), ("submission", True)):
                direct = measure(url, seconds, submits=submits)
                recorded = measure(through, seconds, submits=submits)
                print(f"recording {name}: direct {direct:.2f} ms, recorded {recorded:.2f} ms")
                missed |= at_most(f"recording {name}, added", recorded - direct, TARGET, " ms")
        finally:
            recorder.kill()
            fake.kill()
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
