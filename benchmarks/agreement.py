"""Whether every store gives the same answers, byte for byte, also when many clients ask at once.

200 workspaces are used one after the other over the memory store, and then by 16 threads over each
store, with one worker and with four. Each sends pictures, videos, an invalid request, polls, and
advances of its clock. Statuses, headers and bodies are compared. `python -m benchmarks.agreement
[WORKSPACES]` exits with 1 where one differs.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from json import dumps, loads
from typing import Any, Final
from urllib.parse import urlsplit

from tests.store.redis_server import find_free_port, run_redis
from tests.store.served import serve

WORKSPACES: Final = 200
THREADS: Final = 16
MOMENT: Final = {"moment": "2100-01-01T12:00:00Z"}
IMAGE: Final = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
VIDEO: Final = {"model": "seedance-v1-5-pro", "prompt": "Waves", "duration": 5}
# Links have the address that the client used: the same one over servers on different ports.
HOST: Final = "fake.test"

Answers = list[tuple[int, list[tuple[str, str]], bytes]]


def main() -> int:
    """Ask, compare, print, and return the exit status."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else WORKSPACES
    keys = [f"sk_agreement_{number}" for number in range(count)]
    with ExitStack() as stack:
        folder, port = stack.enter_context(tempfile.TemporaryDirectory()), find_free_port()
        stack.enter_context(run_redis(port, folder, "--appendonly", "yes"))
        expected, missed = _ask(keys, 1, "memory", 1), 0
        for kind, workers in (
            ("memory", 1),
            *((k, n) for k in ("sqlite", "redis") for n in (1, 4)),
        ):
            address = {
                "memory": "memory",
                "sqlite": f"sqlite:///{folder}/{workers}.db",
                "redis": f"redis://127.0.0.1:{port}/0?prefix=workers{workers}",
            }[kind]
            found = _ask(keys, THREADS, address, workers)
            differing = [key for key in keys if found[key] != expected[key]]
            shown = f"{len(differing)} of {count} workspaces differ {differing[:3]}"
            print(f"agreement {kind}, {workers} workers, {THREADS} threads: {shown}", flush=True)
            missed |= bool(differing)
    return missed


def _ask(keys: list[str], threads: int, address: str, workers: int) -> dict[str, Answers]:
    words = ("--store", address, "--workers", str(workers), "--clock", "virtual")
    with serve(*words) as served, ThreadPoolExecutor(threads) as pool:
        netloc = urlsplit(served.url).netloc
        return dict(zip(keys, pool.map(lambda key: _work(netloc, key), keys), strict=True))


def _work(netloc: str, key: str) -> Answers:
    """Use one workspace; returns its answers, without those of control commands."""
    answers: Answers = []

    def send(method: str, path: str, value: Any = None, host: str = HOST) -> bytes:
        # A connection of its own reaches any of the workers.
        connection = HTTPConnection(netloc, timeout=120)
        headers = {"authorization": f"Bearer {key}", "host": host}
        if value is not None:
            headers["content-type"] = "application/json"
        connection.request(method, path, None if value is None else dumps(value), headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if host == HOST:
            answers.append((answer.status, answer.getheaders(), body))
        return body

    send("POST", "/__mock__/clock/advance-to", MOMENT, netloc)
    for prompt in ("one", "two", "one"):
        send("POST", "/v2/images/generations", IMAGE | {"prompt": prompt})
    send("POST", "/v2/images/generations", IMAGE | {"model": "none"})
    videos = [loads(send("POST", "/v2/videos/generations", VIDEO))["id"] for _ in range(2)]
    for step in (1, 3600):
        send("POST", "/__mock__/clock/advance", {"seconds": step}, netloc)
        for each in videos:
            send("GET", f"/v2/videos/generations/{each}")
    send("GET", "/v2/billing/balance")
    return answers


if __name__ == "__main__":
    sys.exit(main())
