"""How much memory the fake holds after a hundred thousand image requests of one key."""

from __future__ import annotations

import sys
from typing import Final

from benchmarks.load import image_requests, load
from benchmarks.processes import bare, fake, running
from benchmarks.targets import at_most

TARGET: Final = 90.0
REQUESTS: Final = 100_000


def main() -> int:
    """Measure, print, and return the exit status."""
    requests = image_requests(REQUESTS)
    held: dict[str, tuple[float, float]] = {}
    for name, command in (("bare", bare), ("fake", fake)):
        with running(command, requests[0]) as server:
            before = server.resident_mib()
            seen = load(port=server.port, requests=requests, count=REQUESTS)
            if seen.statuses != {200: REQUESTS}:
                raise RuntimeError(f"Not every request was answered with 200: {seen.statuses}.")
            held[name] = (before, server.resident_mib())
    for name, (before, after) in held.items():
        print(f"memory    {name}: {before:.0f} MiB at start, {after:.0f} MiB after {REQUESTS:,}")
    return at_most("memory    fake after 100,000 images", held["fake"][1], TARGET, " MiB")


if __name__ == "__main__":
    sys.exit(main())
