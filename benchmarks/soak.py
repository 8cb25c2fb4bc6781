"""Runs the fake for long and under pressure, and checks what must hold.

Run: `python -m benchmarks.soak 10` (minutes of random requests), `--requests 100000`, or
`--mode NAME` for one of the other kinds of pressure. `make soak MINUTES=10` does the first.
"""

from __future__ import annotations

import argparse
import math
import sys
from random import Random
from typing import TYPE_CHECKING, Any, Final

from benchmarks import soak_modes
from benchmarks.soak_server import BrokenInvariantError, SoakServer, start_server
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPConnection

ROUND: Final = 500
KEYS: Final = 50
MODELS: Final = ("z-image-turbo", "seedream-5-lite", "seedance-v1-pro", "none", "", 7, None)
PROMPTS: Final = ("a" * 60, "Waves", "", "\x00\x1b[31m", "\U0001f600" * 500, "(a+)+$", None, 5)
VIDEO: Final = {"model": "seedance-v1-5-pro", "prompt": "Waves"}
# What takes time in proportion to all that a workspace holds comes rarely, or a long run would
# measure nothing else.
TARGETS: Final = (
    *(("POST", "/v2/images/generations"),) * 160,
    *(("POST", "/v2/videos/generations"),) * 80,
    *(("GET", "/v2/models"),) * 20,
    *(("GET", "/v2/billing/balance"),) * 40,
    *(("GET", "/v2/billing/costs?start_date=x"),) * 40,
    *(("GET", "/v2/videos/generations/req-1"),) * 40,
    *(("DELETE", "/v1/videos"),) * 40,
    *(("POST", "/__mock__/clock/freeze"),) * 40,
    *(("POST", "/__mock__/clock/scale"),) * 40,
    *(("POST", "/__mock__/clock/advance"),) * 40,
    *(("GET", "/__mock__/journal?last=20"),) * 20,
    *(("POST", "/__mock__/scenarios"),) * 20,
    *(("POST", "/__mock__/transitions"),) * 40,
    ("GET", "/__mock__/generations"),
    ("GET", "/__mock__/snapshot"),
    *(("POST", "/__mock__/restore"),) * 3,
)
PROGRESS: Final = 50_000
VALUES: Final[tuple[dict[str, object], ...]] = (
    {"rate": 60},
    {"duration": "10m"},
    {"prompt": "(a+)+$", "error": "rate_limit", "first": 2},
    {"prompt": "(?=x)", "error": "rate_limit"},
    # Only of videos: an image that takes time is not answered while its clock stands still.
    {"seconds": "20..60", "model": "seedance-*"},
    {"failed": "content_policy_violation", "seconds": 1, "model": "seedance-*"},
    {"on": "[" * 20_000, "error": "rate_limit"},
    {"state": {"format": 1}},
    {},
    {"x": [[[]]] * 50},
)


class Fuzzer:
    """Sends random requests to some workspaces, and restores snapshots that were taken of them."""

    def __init__(self, server: SoakServer, seed: int) -> None:
        self.sent = 0
        self._server = server
        self._random = Random(seed)  # noqa: S311 - no secret
        self._snapshots: dict[str, Any] = {}
        self._connection: HTTPConnection = server.connect()

    def run_round(self) -> None:
        """Send `ROUND` requests with one key, and check what must hold."""
        key = f"sk_soak_{self._random.randrange(KEYS)}"
        for _ in range(ROUND):
            self._send_one(key)
        self.sent += ROUND
        self._server.check(key)

    def _send_one(self, key: str) -> None:
        method, path = target = self._random.choice(TARGETS)
        values = self._choose_values(key, path) if method == "POST" else None
        status, answer = self._server.ask(self._connection, target, key, values)
        if status >= 500:
            raise BrokenInvariantError(
                f"{method} {path} {values}: {status}, which no rule asks for"
            )
        if path.endswith("/snapshot"):
            self._snapshots[key] = answer
        elif path.endswith("/restore") and values is self._snapshots.get(key) and status != 200:
            raise BrokenInvariantError(f"a valid snapshot was refused with {status}: {answer}")

    def _choose_values(self, key: str, path: str) -> object:
        if path.startswith("/v2"):
            model, prompt = self._random.choice(MODELS), self._random.choice(PROMPTS)
            body = {"model": model, "prompt": prompt}
            return VIDEO if self._random.random() < 0.2 else body
        if path.endswith("/restore") and key in self._snapshots and self._random.random() < 0.7:
            return self._snapshots[key]
        return self._random.choice(VALUES)


def run_fuzz(minutes: float, requests: float, seed: int) -> str:
    """Send random requests for some minutes, or some number of them; return the figures."""
    end = stopwatch() + minutes * 60
    with start_server() as server:
        fuzzer = Fuzzer(server, seed)
        while stopwatch() < end and fuzzer.sent < requests:
            fuzzer.run_round()
            if fuzzer.sent % PROGRESS == 0:
                held = server.read_memory()
                print(f"soak      fuzz: {fuzzer.sent:,} requests, {held:.0f} MiB", flush=True)
        return f"{fuzzer.sent:,} random requests, {server.read_memory():.0f} MiB at the end"


MODES: Final[dict[str, Callable[[], str]]] = {
    "slowloris": soak_modes.run_slowloris,
    "disconnects": soak_modes.run_disconnects,
    "day": soak_modes.run_day,
    "parallel": soak_modes.run_parallel,
    "eviction": soak_modes.run_eviction,
}


def main() -> None:
    """Run what the arguments ask for; exit with 1 when an invariant does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=1)
    parser.add_argument("--requests", type=int, help="stop after so many, whatever the time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=("fuzz", *MODES, "all"), default="fuzz")
    given = parser.parse_args()
    names = ("fuzz", *MODES) if given.mode == "all" else (given.mode,)
    for name in names:
        began = stopwatch()
        try:
            if name == "fuzz":
                minutes = given.minutes if given.requests is None else math.inf
                figures = run_fuzz(minutes, given.requests or math.inf, given.seed)
            else:
                figures = MODES[name]()
        except (BrokenInvariantError, OSError) as error:
            sys.exit(f"soak      {name}: {type(error).__name__}: {error}")
        print(f"soak      {name}: {figures}; {stopwatch() - began:.0f} s, all invariants hold")


if __name__ == "__main__":
    main()
