"""How many image requests per second the fake answers, as a share of what a bare app does.

Both servers run at the same time and are loaded in turn, round by round, so that what else happens
on the machine falls on both alike; medians are compared.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import Final

from benchmarks.load import image_requests, load
from benchmarks.processes import bare, fake, logging_fake, running
from benchmarks.targets import at_least

TARGET: Final = 0.30
ROUNDS: Final = 7
REQUESTS: Final = 10_000
CONNECTIONS: Final = 16


def main() -> int:
    """Measure, print, and return the exit status."""
    requests = image_requests(REQUESTS)
    rates: dict[str, list[float]] = {"bare": [], "quiet": [], "logging": []}
    with (
        running(bare, requests[0]) as bare_server,
        running(fake, requests[0]) as quiet_server,
        running(logging_fake, requests[0]) as logging_server,
    ):
        servers = {"bare": bare_server, "quiet": quiet_server, "logging": logging_server}
        for round_number in range(ROUNDS + 1):
            for name, server in servers.items():
                seen = load(
                    port=server.port, requests=requests, count=REQUESTS, connections=CONNECTIONS
                )
                if seen.statuses != {200: REQUESTS}:
                    raise RuntimeError(f"Not every request was answered with 200: {seen.statuses}.")
                if round_number:  # the first one warms up
                    rates[name].append(seen.rate)
    base, quiet, logging = (median(rates[name]) for name in ("bare", "quiet", "logging"))
    print(
        f"serving   POST image over {CONNECTIONS} connections, requests/s: bare {base:,.0f}, "
        f"fake {quiet:,.0f}, fake with access log {logging:,.0f}"
    )
    return max(
        at_least("serving   fake / bare", quiet / base, TARGET),
        at_least("serving   fake with access log / bare", logging / base, TARGET),
    )


if __name__ == "__main__":
    sys.exit(main())
