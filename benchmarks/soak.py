"""Structured random requests for some minutes, and what must hold after each round.

Run: `python -m benchmarks.soak 10` (minutes), or `make soak MINUTES=10`.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from decimal import Decimal
from http.client import HTTPConnection
from random import Random

from getimg_mock import MockServer
from getimg_mock.world.clock import stopwatch

ROUND = 500
MODELS = ("z-image-turbo", "seedream-5-lite", "seedance-v1-pro", "none", "", 7, None)
TARGETS = (
    ("POST", "/v2/images/generations"),
    ("POST", "/v2/videos/generations"),
    ("GET", "/v2/models"),
    ("GET", "/v2/billing/balance"),
    ("GET", "/v2/videos/generations/req-1"),
    ("POST", "/__mock__/clock/freeze"),
    ("POST", "/__mock__/clock/scale"),
    ("POST", "/__mock__/clock/advance"),
    ("GET", "/__mock__/snapshot"),
    ("GET", "/__mock__/journal"),
    ("POST", "/__mock__/restore"),
    ("POST", "/__mock__/scenarios"),
)
VALUES: tuple[dict[str, object], ...] = (
    {"rate": 60},
    {"duration": "10m"},
    {"prompt": "(a+)+$", "error": "rate_limit"},
    {},
    {"x": 1},
)


def send_one(connection: HTTPConnection, random: Random, key: str) -> int:
    """Send one random request and return the status of its answer."""
    method, path = random.choice(TARGETS)
    values: object = random.choice(VALUES)
    if path.startswith("/v2"):
        values = {"model": random.choice(MODELS), "prompt": "a" * random.randrange(60)}
    body = json.dumps(values) if method == "POST" else None
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def check_money(server: MockServer, key: str) -> None:
    """Fail unless balance, held and charged money add up to the credit."""
    ledger = server.app.fake.store.get_or_create(key).ledger
    if ledger.available + ledger.held + ledger.charged != Decimal(1000):
        sys.exit(f"money of {key} does not add up: {ledger}")


def main() -> None:
    """Run rounds until the time is over; exit with 1 when an invariant does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=1)
    end = stopwatch() + parser.parse_args().minutes * 60
    random, sent = Random(1), 0  # noqa: S311 - no secret
    with MockServer(balance=1000) as server:
        host, port = server.url.removeprefix("http://").split(":")
        connection = HTTPConnection(host, int(port), timeout=30)
        while stopwatch() < end:
            key = f"sk_soak_{random.randrange(50)}"
            for _ in range(ROUND):
                status = send_one(connection, random, key)
                if status >= 500:
                    sys.exit(f"{status}, which no rule asked for")
            sent += ROUND
            check_money(server, key)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.stdout.write(f"{sent} requests, peak {peak} MiB, all invariants hold\n")


if __name__ == "__main__":
    main()
