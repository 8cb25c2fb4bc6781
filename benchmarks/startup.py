"""How long from starting the command to its first answer, against a bare app under uvicorn.

The first answer is that to an image request, so nothing that it needs can be put off until later.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import Final

from benchmarks.load import image_requests
from benchmarks.processes import bare, fake, running
from benchmarks.targets import at_most

TARGET: Final = 2.5
ROUNDS: Final = 9


def main() -> int:
    """Measure, print, and return the exit status."""
    (request,) = image_requests(1)
    seconds: dict[str, list[float]] = {"bare": [], "fake": []}
    for round_number in range(ROUNDS + 1):
        for name, command in (("bare", bare), ("fake", fake)):
            with running(command, request) as server:
                if round_number:  # the first one compiles what is not yet compiled
                    seconds[name].append(server.cold_start)
    base, ours = median(seconds["bare"]), median(seconds["fake"])
    print(f"startup   spawn to first answer: bare {base:.3f} s, fake {ours:.3f} s")
    return at_most("startup   fake / bare", ours / base, TARGET)


if __name__ == "__main__":
    sys.exit(main())
