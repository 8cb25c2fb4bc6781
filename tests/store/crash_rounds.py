"""Kills processes under load, and compares what was answered with what is there afterwards.

`python -m benchmarks.crashes` runs many rounds of each case; the tests run a few. What is killed:
one of the workers, all processes of the fake, or Redis.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from http.client import HTTPException
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import connect
from getimg_mock.errors import ControlError
from tests.control.client import IMAGE, VIDEO, Client
from tests.store.redis_server import find_free_port, run_redis
from tests.store.served import serve

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Container, Iterator
    from datetime import datetime
    from pathlib import Path

    from getimg_mock import WorkspaceHandle
    from tests.control.client import Reply
    from tests.store.served import Served

KEY: Final = "sk_crash_rounds"
BALANCE: Final = 1_000_000
IMAGES: Final = "/v2/images/generations"
VIDEOS: Final = "/v2/videos/generations"
THREADS: Final = 6
REQUESTS: Final = 30
"""Answers after which the round's processes are killed."""
_TRIES: Final = 5
STEP: Final = 5
"""Seconds of each advance of the clock."""
RETENTION: Final = 86_400
"""The retention before it is changed, in seconds; each change adds one."""

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

LATE: Final = frozenset({"redis itself, everysec"})
"""Where answers of the last two seconds may be lost: Redis writes late on a busy disk."""


@dataclass
class Commands:
    """How many commands of a kind were sent, and how many of them were answered."""

    sent: int = 0
    answered: int = 0
    before: int = 0
    """How many were answered before the round, or were kept by the round before."""

    def is_kept(self, found: float, *, may_lose: bool = False) -> bool:
        """Return whether so many were kept: those that were answered, and perhaps others.

        With `may_lose` those of this round may be missing.
        """
        return (self.before if may_lose else self.answered) <= found <= self.sent


@dataclass
class Record:
    """What a client was answered: ids of generations by kind, and its commands."""

    images: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    credits: Commands = field(default_factory=Commands)
    advances: Commands = field(default_factory=Commands)
    changes: Commands = field(default_factory=Commands)
    began: datetime | None = None
    answers: int = 0
    before: tuple[int, int] = (0, 0)
    """How many images and videos were made before the round."""
    enough: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin_round(self) -> None:
        """Count answers anew."""
        self.enough.clear()
        self.answers = 0
        self.before = (len(self.images), len(self.videos))
        for each in (self.credits, self.advances, self.changes):
            each.before = each.answered

    def find_lost(self, kept: Container[str], *, may_lose: bool) -> list[str]:
        """Return the generations that are not kept; with `may_lose`, but for the round's last.

        What is written late is lost from the end. Those that were under way at the same time may
        have been written in another order than they were answered in.
        """
        lost = []
        for made, before in zip((self.images, self.videos), self.before, strict=True):
            last = max((n for n, each in enumerate(made) if each in kept), default=-1)
            ends = max(before, last - THREADS) if may_lose else len(made)
            lost += [each for each in made[:ends] if each not in kept]
        return lost

    def forget(self, kept: Container[str]) -> None:
        """Leave out what is lost, so that the next round asks only for what is there."""
        self.images = [each for each in self.images if each in kept]
        self.videos = [each for each in self.videos if each in kept]

    def count_answer(self) -> None:
        """Count an answer; the caller has the lock."""
        self.answers += 1
        if self.answers >= REQUESTS:
            self.enough.set()

    def send(self, commands: Commands, send: Callable[[int], Reply]) -> None:
        """Send a command, given how many were sent, and note whether it is answered."""
        with self.lock:
            commands.sent += 1
            number = commands.sent
        if send(number).status == 200:
            with self.lock:
                commands.answered += 1
                self.count_answer()


_NUMBERS = count(1)


def _load(served: Served, record: Record, over: threading.Event, *, commands: bool) -> None:
    client = Client(served.url, KEY)
    while not over.is_set():
        try:
            _submit(client, record)
            record.send(
                record.credits, lambda _: client.post("/__mock__/ledger/top-up", {"amount": "1"})
            )
            if commands:
                _send_commands(client, record)
        except (OSError, HTTPException, ValueError):
            if over.wait(0.01):
                return


def _submit(client: Client, record: Record) -> None:
    for path, body, made in ((IMAGES, IMAGE, record.images), (VIDEOS, VIDEO, record.videos)):
        reply = client.post(path, body | {"prompt": f"number {next(_NUMBERS)}"})
        if reply.status in {200, 202}:
            with record.lock:
                made.append(reply.json["id"])
                record.count_answer()


def _send_commands(client: Client, record: Record) -> None:
    """Move the clock, and change a setting: one thread does, so that the last value is highest."""
    advance = {"seconds": STEP}
    record.send(record.advances, lambda _: client.post("/__mock__/clock/advance", advance))
    record.send(
        record.changes,
        lambda number: client.request(
            "PATCH", "/__mock__/settings", {"retention": RETENTION + number}
        ),
    )


def _check(url: str, record: Record, *, may_lose: bool) -> list[str]:
    """Return what is wrong with what is there, compared with what was answered."""
    for _ in range(_TRIES - 1):
        # What has just been killed may be starting, or may still hold a workspace.
        with suppress(ControlError):
            return _compare(connect(url, KEY), record, may_lose=may_lose)
    return _compare(connect(url, KEY), record, may_lose=may_lose)


def _compare(workspace: WorkspaceHandle, record: Record, *, may_lose: bool) -> list[str]:
    call = workspace._channel.call
    kept = {each["id"]: each for each in call("GET", "/generations")["generations"]}
    ledger = call("GET", "/ledger")
    wrong = [*_check_money(ledger, kept)]
    if lost := record.find_lost(kept, may_lose=may_lose):
        wrong.append(f"{len(lost)} generations are lost: {lost[:3]}")
    found = {
        "credits": (record.credits, int(Decimal(ledger["credited"])) - BALANCE),
        "changes": (record.changes, call("GET", "/settings")["retention"] - RETENTION),
    }
    if record.began is not None:
        moved = (workspace.clock.now() - record.began).total_seconds() / STEP
        found["advances"] = (record.advances, int(moved))
    for name, (commands, number) in found.items():
        if not commands.is_kept(number, may_lose=may_lose):
            wrong.append(f"{name}: {commands}, {number} are there")
        if may_lose:
            commands.answered = min(commands.answered, number)
    if may_lose:
        record.forget(kept)
    return wrong


def _check_money(ledger: dict[str, Any], kept: dict[str, dict[str, Any]]) -> Iterator[str]:
    money = {name: Decimal(ledger[name]) for name in ("balance", "held", "charged", "credited")}
    if money["balance"] + money["held"] + money["charged"] != money["credited"]:
        yield f"money does not add up: {money}"
    for name, status in (("charged", "completed"), ("held", "pending")):
        costs = [Decimal(each["total_cost"]) for each in kept.values() if each["status"] == status]
        if sum(costs, Decimal(0)) != money[name]:
            yield f"{sum(costs)} USD of generations are {status}, {money[name]} are {name}"
    charges = [each["generation"] for each in ledger["entries"] if each["what"] == "charge"]
    if len(charges) != len(set(charges)):
        yield "a generation was charged twice"


def run_rounds(case: str, rounds: int, folder: Path) -> list[str]:
    """Run rounds of a case, and return what was wrong in them.

    Only what is killed is started again: a fake whose worker or Redis is killed goes on.
    """
    kind, victim, words = CASES[case]
    port, record, wrong = find_free_port(), Record(), []
    address = f"sqlite:///{folder}/fake.db" if kind == "sqlite" else f"redis://127.0.0.1:{port}/0"
    options = ("--store", address, "--workers", "2", "--balance", str(BALANCE))
    with ExitStack() as stack:
        running = stack.enter_context(run_redis(port, str(folder), *words)) if words else None
        served = stack.enter_context(serve(*options, "--clock", "virtual"))
        for number in range(rounds):
            _load_and_kill(served, record, victim, number, running)
            if victim == "redis":
                running = stack.enter_context(run_redis(port, str(folder), *words))
            elif victim == "all":
                served = stack.enter_context(serve(*options, "--clock", "virtual"))
            wrong += _check(served.url, record, may_lose=case in LATE)
    total = len(record.images) + len(record.videos)
    commands = record.credits.answered + record.advances.answered + record.changes.answered
    sys.stdout.write(f"{case}: {rounds} rounds, {total} generations, {commands} commands: ")
    sys.stdout.write(f"{wrong or 'all there'}\n")
    sys.stdout.flush()
    return wrong


def _load_and_kill(
    served: Served,
    record: Record,
    victim: str,
    number: int,
    redis: subprocess.Popen[bytes] | None,
) -> None:
    record.begin_round()
    record.began = record.began or connect(served.url, KEY).clock.now()
    over = threading.Event()
    with ThreadPoolExecutor(THREADS) as pool:
        for each in range(THREADS):
            pool.submit(_load, served, record, over, commands=not each)
        record.enough.wait(60)
        if victim == "worker":
            workers = served.workers
            os.kill(workers[number % len(workers)], signal.SIGKILL)
            record.begin_round()
            record.enough.wait(60)
        elif redis is not None and victim == "redis":
            redis.kill()
            redis.wait(30)
        else:
            for process in [served.process.pid, *served.workers]:
                os.kill(process, signal.SIGKILL)
        over.set()
