"""Whether four workers are one fake: 100,000 mixed requests over 64 connections.

`python -m benchmarks.across_workers [sqlite|redis] [REQUESTS]` sends image and video requests,
polls and balances of eight keys, and of two more: one with a rate limit, one with a rule that acts
so many times. Then it compares what was answered with what is there: no poll gets a false 404, no
charge is lost, the limit and the rule are exact. It exits with 1 where one is not.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from benchmarks.load import encoded, image_requests
from benchmarks.processes import fake, running
from getimg_mock import connect
from getimg_mock.serving.server import new_event_loop
from tests.store.redis_server import find_free_port, run_redis

WORKERS: Final = 4
CONNECTIONS: Final = 64
REQUESTS: Final = 100_000
LIMIT: Final = 700
TIMES: Final = 300
KEYS: Final = tuple(f"sk_across_{number}" for number in range(8))
LIMITED: Final = "sk_across_limited"
RULED: Final = "sk_across_ruled"
VIDEO: Final = {"model": "seedance-v1-5-pro", "prompt": "Waves", "duration": 5}


@dataclass
class Seen:
    """What clients were answered: statuses by kind of request and key, and ids by key."""

    left: int
    statuses: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    made: dict[str, list[str]] = field(default_factory=dict)
    videos: list[tuple[str, str]] = field(default_factory=list)

    def count(self, kind: str, status: int, key: str | None = None) -> int:
        """Return how many requests of a kind, and of a key, were answered with a status."""
        return sum(
            number
            for (each, whose, found), number in self.statuses.items()
            if (each, found) == (kind, status) and key in {None, whose}
        )


def main() -> int:
    """Send, compare, print, and return the exit status."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "sqlite"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else REQUESTS
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        address = f"sqlite:///{Path(folder)}/fake.db"
        if kind == "redis":
            port = find_free_port()
            stack.enter_context(run_redis(port, folder, "--appendonly", "yes"))
            address = f"redis://127.0.0.1:{port}/0"
        words = ["--store", address, "--workers", str(WORKERS), "--clock", "virtual"]
        server = stack.enter_context(
            running(lambda port: [*fake(port), *words], image_requests(1, key="sk_warm")[0])
        )
        url = f"http://127.0.0.1:{server.port}"
        connect(url, LIMITED).limits.set(image_rpm=LIMIT)
        connect(url, RULED).scenarios.add(on="images.generate", error="rate_limit", times=TIMES)
        seen, began = Seen(count), time.perf_counter()
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_send_all(server.port, seen))
        rate = count / (time.perf_counter() - began)
        print(f"across    {kind}, {WORKERS} workers: {count:,} requests, {rate:,.0f} answers/s")
        return _compare(url, seen)


async def _send_all(port: int, seen: Seen) -> None:
    chance = random.Random("across")  # noqa: S311 - a mix of requests
    await asyncio.gather(*(_send(port, seen, chance) for _ in range(CONNECTIONS)))


async def _send(port: int, seen: Seen, chance: random.Random) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while seen.left:
        seen.left -= 1
        kind, key, request = _choose(seen, chance)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        status = int(head[9:12])
        seen.statuses[kind, key, status] += 1
        if kind in {"image", "video"} and status < 300:
            made = json.loads(body)["id"]
            seen.made.setdefault(key, []).append(made)
            if kind == "video":
                seen.videos.append((key, made))
    writer.close()


def _choose(seen: Seen, chance: random.Random) -> tuple[str, str, bytes]:
    """Return a kind of request, its key, and its bytes."""
    drawn, key = chance.random(), chance.choice(KEYS)
    if drawn < 0.30 and seen.videos:
        key, made = chance.choice(seen.videos)
        return "poll", key, encoded("GET", f"/v2/videos/generations/{made}", key=key)
    if drawn < 0.40:
        return "balance", key, encoded("GET", "/v2/billing/balance", key=key)
    if drawn < 0.60:
        return "video", key, encoded("POST", "/v2/videos/generations", key=key, body=VIDEO)
    if drawn < 0.70:
        key = LIMITED if drawn < 0.65 else RULED
    prompt = f"number {seen.left}"
    body = {"model": "seedream-5-lite", "prompt": prompt}
    return "image", key, encoded("POST", "/v2/images/generations", key=key, body=body)


def _compare(url: str, seen: Seen) -> int:
    """Print each rule with what was found; returns 1 where one does not hold."""
    lost = sum(_count_lost(url, key, made) for key, made in seen.made.items())
    limited = sum(n for (_, key, _), n in seen.statuses.items() if key == LIMITED)
    ruled = sum(n for (_, key, _), n in seen.statuses.items() if key == RULED)
    odd = [status for _, _, status in seen.statuses if status not in {200, 202, 404, 429}]
    rules: dict[str, tuple[Any, Any]] = {
        "false 404": (seen.count("poll", 404), 0),
        "lost generations and charges": (lost, 0),
        "images within the limit": (seen.count("image", 200, LIMITED), min(LIMIT, limited)),
        "hits of times=": (seen.count("image", 429, RULED), min(TIMES, ruled)),
        "other statuses": (odd, []),
    }
    for name, (found, wanted) in rules.items():
        print(f"across    {name}: {found}{'' if found == wanted else f', wanted {wanted}'}")
    return int(any(found != wanted for found, wanted in rules.values()))


def _count_lost(url: str, key: str, made: list[str]) -> int:
    """Return how many answers are not there, and how many charges, once all has ended."""
    workspace = connect(url, key)
    workspace.clock.advance(hours=1)
    kept = {each.id: each for each in workspace.generations.where(status="completed")}
    ledger = workspace.ledger
    cost = sum((each.total_cost or Decimal(0) for each in kept.values()), Decimal(0))
    unequal = (ledger.charged, ledger.held) != (cost, Decimal(0))
    unequal |= ledger.credited != ledger.balance + ledger.charged
    return len(set(made) ^ set(kept)) + (len(made) - len(set(made))) + int(unequal)


if __name__ == "__main__":
    sys.exit(main())
