"""How many image requests per second the fake answers, as a share of what a bare app does.

All servers run at the same time and are loaded in turn, a third of a second each, so that what else
happens on the machine falls on all alike. The ratio is the median of the ratios of the rounds.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from statistics import median
from typing import Final

from benchmarks.load import image_requests, load
from benchmarks.processes import Server, bare, fake, logging_fake, running
from benchmarks.targets import at_least

TARGET: Final = 0.30
ROUNDS: Final = 21
REQUESTS: Final = 2_000
CONNECTIONS: Final = 16
SERVERS: Final = {"bare": bare, "fake": fake, "fake with access log": logging_fake}


def main() -> int:
    """Measure, print, and return the exit status."""
    requests = image_requests(REQUESTS * (ROUNDS + 1))
    rates: dict[str, list[float]] = {name: [] for name in SERVERS}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(running(command, requests[0]))
            for name, command in SERVERS.items()
        }
        for begin in range(0, len(requests), REQUESTS):
            for name, server in servers.items():
                rates[name].append(_rate(server, requests[begin : begin + REQUESTS]))
    for measured in rates.values():
        del measured[0]  # the first round warms up
    shown = ", ".join(f"{name} {median(measured):,.0f}" for name, measured in rates.items())
    print(f"serving   POST image over {CONNECTIONS} connections, answers/s: {shown}")
    best = ", ".join(
        f"{name} {max(measured) / max(rates['bare']):.2f}"
        for name, measured in rates.items()
        if name != "bare"
    )
    print(f"serving   best rounds alone, nearest to an idle machine, as a share of bare: {best}")
    return max(
        at_least(f"serving   {name} / bare", _median_ratio(measured, rates["bare"]), TARGET)
        for name, measured in rates.items()
        if name != "bare"
    )


def _rate(server: Server, requests: list[bytes]) -> float:
    seen = load(port=server.port, requests=requests, count=len(requests), connections=CONNECTIONS)
    if seen.statuses != {200: len(requests)}:
        raise RuntimeError(f"Not every request was answered with 200: {seen.statuses}.")
    return seen.rate


def _median_ratio(ours: list[float], theirs: list[float]) -> float:
    return median(our / their for our, their in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    sys.exit(main())
