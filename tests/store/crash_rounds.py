"""Kills processes under load, and compares what was answered with what is there afterwards.

`python -m tests.store.crash_rounds 50` runs so many rounds of each case and prints them; the tests
run a few. What is killed: one of the workers, all processes of the fake, or Redis.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPException
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import connect
from getimg_mock.errors import ControlError
from tests.control.client import IMAGE, VIDEO, Client
from tests.store.redis_server import find_free_port, run_redis
from tests.store.served import serve

if TYPE_CHECKING:
    from getimg_mock import WorkspaceHandle
    from tests.store.served import Served

KEY: Final = "sk_crash_rounds"
IMAGES: Final = "/v2/images/generations"
VIDEOS: Final = "/v2/videos/generations"
THREADS: Final = 6
REQUESTS: Final = 30
"""Answers after which the round's processes are killed."""

CASES: Final = {
    "sqlite, one worker": ("sqlite", "worker", ()),
    "sqlite, all processes": ("sqlite", "all", ()),
    "redis, one worker": ("redis", "worker", ("--appendonly", "yes")),
    "redis, all processes": ("redis", "all", ("--appendonly", "yes")),
    "redis itself, everysec": (
        "redis",
        "redis",
        ("--appendonly", "yes", "--appendfsync", "everysec"),
    ),
    "redis itself, always": ("redis", "redis", ("--appendonly", "yes", "--appendfsync", "always")),
}


@dataclass
class Record:
    """What a client was answered: ids of generations by kind, and credits; and what it sent."""

    images: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    credited: int = 0
    asked: int = 0
    answers: int = 0
    enough: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, generation: str | None = None) -> None:
        """Note an answer."""
        with self._lock:
            if kind == "credit":
                self.credited += 1
            elif generation is not None:
                (self.images if kind == "image" else self.videos).append(generation)
            self.answers += 1
            if self.answers >= REQUESTS:
                self.enough.set()

    def ask(self) -> None:
        """Note that a credit was sent, whether or not it is answered."""
        with self._lock:
            self.asked += 1


_NUMBERS = count(1)


def _load(served: Served, record: Record, over: threading.Event) -> None:
    client = Client(served.url, KEY)
    while not over.is_set():
        try:
            for path, body, kind in ((IMAGES, IMAGE, "image"), (VIDEOS, VIDEO, "video")):
                reply = client.post(path, body | {"prompt": f"number {next(_NUMBERS)}"})
                if reply.status in {200, 202}:
                    record.note(kind, reply.json["id"])
            record.ask()
            if client.post("/__mock__/ledger/top-up", {"amount": "1"}).status == 200:
                record.note("credit")
        except (OSError, HTTPException, ValueError):
            if over.wait(0.01):
                return


def _check(workspace: WorkspaceHandle, record: Record) -> list[str]:
    """Return what is wrong with what is there, compared with what was answered."""
    wrong: list[str] = []
    ledger: dict[str, Any] = workspace._channel.call("GET", "/ledger")
    kept = {
        each["id"]: each for each in workspace._channel.call("GET", "/generations")["generations"]
    }
    lost = [each for each in (*record.images, *record.videos) if each not in kept]
    if lost:
        wrong.append(f"{len(lost)} generations are lost: {lost[:3]}")
    money = {name: Decimal(ledger[name]) for name in ("balance", "held", "charged", "credited")}
    if money["balance"] + money["held"] + money["charged"] != money["credited"]:
        wrong.append(f"money does not add up: {money}")
    credits_ = money["credited"] - 1_000_000
    if not record.credited <= credits_ <= record.asked:
        wrong.append(f"{record.credited} credits were answered, {credits_} are there")
    ended = sum(
        (Decimal(each["total_cost"]) for each in kept.values() if each["status"] == "completed"),
        Decimal(0),
    )
    if ended != money["charged"]:
        wrong.append(f"{ended} USD of generations have ended, {money['charged']} are charged")
    charges = [each["generation"] for each in ledger["entries"] if each["what"] == "charge"]
    if len(charges) != len(set(charges)):
        wrong.append("a generation was charged twice")
    return wrong


def run_rounds(case: str, rounds: int, folder: Path) -> list[str]:
    """Run rounds of a case, and return what was wrong in them."""
    kind, victim, words = CASES[case]
    port, record, wrong = find_free_port(), Record(), []
    address = f"sqlite:///{folder}/fake.db" if kind == "sqlite" else f"redis://127.0.0.1:{port}/0"
    options = ("--store", address, "--workers", "2", "--balance", "1000000", "--clock", "virtual")
    for number in range(rounds):
        record.enough.clear()
        record.answers = 0
        with ExitStack() as stack:
            redis = stack.enter_context(run_redis(port, str(folder), *words)) if words else None
            served = stack.enter_context(serve(*options))
            if number:
                wrong += _check(connect(served.url, KEY), record)
            over = threading.Event()
            with ThreadPoolExecutor(THREADS) as pool:
                for _ in range(THREADS):
                    pool.submit(_load, served, record, over)
                record.enough.wait(60)
                if victim == "worker":
                    os.kill(served.workers[number % 2], signal.SIGKILL)
                    record.enough.clear()
                    record.answers = 0
                    record.enough.wait(60)
                elif redis is not None and victim == "redis":
                    redis.kill()
                    redis.wait(30)
                else:
                    for each in [served.process.pid, *served.workers]:
                        os.kill(each, signal.SIGKILL)
                over.set()
    with ExitStack() as stack:
        if words:
            stack.enter_context(run_redis(port, str(folder), *words))
        served = stack.enter_context(serve(*options))
        try:
            wrong += _check(connect(served.url, KEY), record)
        except ControlError as error:
            wrong.append(str(error))
    total = len(record.images) + len(record.videos)
    sys.stdout.write(f"{case}: {rounds} rounds, {total} generations, {record.credited} credits: ")
    sys.stdout.write(f"{wrong or 'all there'}\n")
    return wrong


def main() -> int:
    """Run the rounds of all cases, or of those whose names are given after the number."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    wrong = []
    for case in sys.argv[2:] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            wrong += run_rounds(case, rounds, Path(folder))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
