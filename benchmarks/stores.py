"""How fast durable stores are, as a share of the memory store, in one run.

All servers run at the same time and are loaded in turn, so that what else happens on the machine
falls on all alike. The ratio is the median of the ratios of the rounds. SQLite flushes its log at
checkpoints, not at each commit; Redis, where it is installed, once a second. `benchmarks.workers`
compares several workers with one.

With `--cpu` it compares the processor time of one worker for a request instead of answers per
second: this is the figure that can be trusted while other programs use the machine. What Redis
itself takes is not in it.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load import KEY, encoded, image_requests, load
from benchmarks.processes import Server, fake, running
from benchmarks.targets import at_least
from tests.store.redis_server import find_free_port, run_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROUNDS: Final = 9
REQUESTS: Final = 400
CONNECTIONS: Final = 16
IMAGES: Final = {"sqlite": 0.35, "redis": 0.35}
POLLS: Final = {"sqlite": 0.6, "redis": 0.6}
VIDEO: Final = {"model": "seedance-v1-5-pro", "prompt": "Waves", "duration": 5}


def main() -> int:
    """Measure, print, and return the exit status."""
    measure = _measure_cpu if "--cpu" in sys.argv[1:] else _measure
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        warm = image_requests(1)[0]
        servers = {
            name: stack.enter_context(running(command, warm))
            for name, command in _list_commands(folder, stack).items()
        }
        images = image_requests(REQUESTS * (ROUNDS + 1))
        rounds = [images[at : at + REQUESTS] for at in range(0, len(images), REQUESTS)]
        rates = measure(servers, lambda _server, number: rounds[number])
        missed = _compare("POST image", rates, IMAGES)
        polls = {name: [_poll(server)] for name, server in servers.items()}
        rates = measure(servers, lambda server, _number: polls[server])
        return max(missed, _compare("poll", rates, POLLS))


def _list_commands(folder: Path, stack: ExitStack) -> dict[str, Callable[[int], list[str]]]:
    def keep(address: str) -> Callable[[int], list[str]]:
        return lambda port: [*fake(port), "--store", address]

    commands: dict[str, Callable[[int], list[str]]] = {
        "memory": fake,
        "sqlite": keep(f"sqlite:///{folder}/one.db"),
    }
    if shutil.which("redis-server") or shutil.which("valkey-server"):
        port = find_free_port()
        stack.enter_context(run_redis(port, str(folder), "--appendonly", "yes"))
        commands["redis"] = keep(f"redis://127.0.0.1:{port}/0")
    return commands


def _measure(
    servers: dict[str, Server], requests: Callable[[str, int], Sequence[bytes]]
) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(ROUNDS + 1):
        for name, server in servers.items():
            rates[name].append(_measure_once(server, requests(name, number)))
    for measured in rates.values():
        del measured[0]  # the first round warms up
    return rates


def _measure_cpu(
    servers: dict[str, Server], requests: Callable[[str, int], Sequence[bytes]]
) -> dict[str, list[float]]:
    """Return how many requests a second of the server's processor time allows."""
    rates: dict[str, list[float]] = {name: [] for name in servers}
    for number in range(ROUNDS + 1):
        for name, server in servers.items():
            before = server.read_cpu_seconds()
            _measure_once(server, requests(name, number))
            rates[name].append(REQUESTS / (server.read_cpu_seconds() - before))
    for measured in rates.values():
        del measured[0]
    return rates


def _measure_once(server: Server, requests: Sequence[bytes]) -> float:
    seen = load(port=server.port, requests=requests, count=REQUESTS, connections=CONNECTIONS)
    if seen.statuses != {200: REQUESTS}:
        raise RuntimeError(f"Not every request was answered with 200: {seen.statuses}.")
    return seen.rate


def _compare(what: str, rates: dict[str, list[float]], targets: dict[str, float]) -> int:
    shown = ", ".join(f"{name} {median(measured):,.0f}" for name, measured in rates.items())
    print(f"stores    {what} over {CONNECTIONS} connections, answers/s: {shown}")
    missed = 0
    for name, target in targets.items():
        if name in rates:
            ratio = _divide(rates[name], rates["memory"])
            missed |= at_least(f"stores    {what}, {name} / memory", ratio, target)
    return missed


def _divide(ours: list[float], theirs: list[float]) -> float:
    return median(our / their for our, their in zip(ours, theirs, strict=True))


def _poll(server: Server) -> bytes:
    """Return a request for the state of a new video."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connection.request("POST", "/v2/videos/generations", json.dumps(VIDEO), headers)
    made = json.loads(connection.getresponse().read())
    connection.close()
    return encoded("GET", f"/v2/videos/generations/{made['id']}")


if __name__ == "__main__":
    sys.exit(main())
