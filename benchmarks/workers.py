"""How much more several workers over a shared store answer than one.

The servers run at the same time, each over a store of its own, and are loaded in turn. Each of 16
connections has a key of its own, as tests that run in parallel do; a second figure is of the same
requests with the keys mixed over the connections, so that every worker needs every workspace. The
figures are medians of the ratios of the rounds. The client needs a part of a core, too: with two
cores the two workers cannot have both.

`python -m benchmarks.workers [sqlite|redis] [WORKERS]`, by default two over SQLite.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load import image_requests, load
from benchmarks.processes import Server, fake, running
from benchmarks.targets import at_least
from tests.store.redis_server import find_free_port, run_redis

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 9
REQUESTS: Final = 800
CONNECTIONS: Final = 16
WORKERS: Final = 2
TARGET: Final = 1.6


def main() -> int:
    """Measure, print, and return the exit status."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "sqlite"
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else WORKERS
    with ExitStack() as stack:
        folder, warm = stack.enter_context(tempfile.TemporaryDirectory()), image_requests(1)[0]
        addresses = [f"sqlite:///{folder}/{count}.db" for count in (1, workers)]
        if kind == "redis":
            port = find_free_port()
            stack.enter_context(run_redis(port, folder, "--appendonly", "yes"))
            addresses = [f"redis://127.0.0.1:{port}/0?prefix={count}" for count in (1, workers)]
        servers = [
            stack.enter_context(running(_keep(address, count), warm))
            for address, count in zip(addresses, (1, workers), strict=True)
        ]
        mixed = _compare(servers, apart=False)
        own = _compare(servers, apart=True)
    what = f"workers   POST image over {CONNECTIONS} connections, {workers} / one, {kind}"
    print(f"{what}, keys mixed: {mixed:.2f}")
    return at_least(what, own, TARGET if (kind, workers) == ("sqlite", WORKERS) else 1)


def _compare(servers: list[Server], *, apart: bool) -> float:
    """Return how many times as much the second server answers as the first."""
    requests, ratios = _make_requests(), []
    for at in range(0, len(requests), REQUESTS):
        some = requests[at : at + REQUESTS]
        rates = [_measure(each, some, apart=apart) for each in servers]
        ratios.append(rates[1] / rates[0])
    return median(ratios[1:])  # the first round warms up


def _measure(server: Server, requests: list[bytes], *, apart: bool) -> float:
    seen = load(
        port=server.port,
        requests=requests,
        count=REQUESTS,
        connections=CONNECTIONS,
        apart=apart,
    )
    if seen.statuses != {200: REQUESTS}:
        raise RuntimeError(f"Not every request was answered with 200: {seen.statuses}.")
    return seen.rate


def _keep(address: str, workers: int) -> Callable[[int], list[str]]:
    return lambda port: [*fake(port), "--store", address, "--workers", str(workers)]


def _make_requests() -> list[bytes]:
    """Return the requests of all rounds, with the keys in turn."""
    each = REQUESTS * (ROUNDS + 1) // CONNECTIONS
    by_key = [image_requests(each, key=f"sk_{key}") for key in range(CONNECTIONS)]
    return [request for several in zip(*by_key, strict=True) for request in several]


if __name__ == "__main__":
    sys.exit(main())
