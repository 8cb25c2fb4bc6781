"""How much more two workers over a shared store answer than one, with as many keys as connections.

Both servers run at the same time, each over an SQLite file of its own, and are loaded in turn. The
figure is the median of the ratios of the rounds. The client needs a part of a core, too: with two
cores the two workers cannot have both.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load import image_requests, load
from benchmarks.processes import fake, running
from benchmarks.targets import at_least

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS: Final = 9
REQUESTS: Final = 400
CONNECTIONS: Final = 16
WORKERS: Final = 2
TARGET: Final = 1.6


def main() -> int:
    """Measure, print, and return the exit status."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        warm = image_requests(1)[0]
        servers = [
            stack.enter_context(running(_keep(folder, count), warm)) for count in (1, WORKERS)
        ]
        rates: list[list[float]] = []
        for number in range(ROUNDS + 1):
            requests = _make_requests(number)
            seen = [
                load(port=each.port, requests=requests, count=REQUESTS, connections=CONNECTIONS)
                for each in servers
            ]
            if any(each.statuses != {200: REQUESTS} for each in seen):
                raise RuntimeError("Not every request was answered with 200.")
            rates.append([each.rate for each in seen])
        del rates[0]  # it warms up
    shown = " and ".join(f"{median(each[place] for each in rates):,.0f}" for place in (0, 1))
    print(f"workers   POST image over {CONNECTIONS} connections, answers/s of 1 and 2: {shown}")
    ratio = median(two / one for one, two in rates)
    return at_least("workers   POST image, two / one, SQLite", ratio, TARGET)


def _keep(folder: Path, workers: int) -> Callable[[int], list[str]]:
    address = f"sqlite:///{folder}/{workers}.db"
    return lambda port: [*fake(port), "--store", address, "--workers", str(workers)]


def _make_requests(number: int) -> list[bytes]:
    """Return the requests of one round, with the keys in turn."""
    each = REQUESTS // CONNECTIONS
    by_key = [image_requests(each, key=f"sk_{number}_{key}") for key in range(CONNECTIONS)]
    return [request for several in zip(*by_key, strict=True) for request in several]


if __name__ == "__main__":
    sys.exit(main())
