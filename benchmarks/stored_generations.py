"""Whether a poll of one of 1,000,000 stored generations takes as long as one of 1,000.

Also how long a fake on such a store takes to its first answer. Both stores are loaded in turn.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.load import KEY, encoded, image_requests, load
from benchmarks.processes import Server, fake, running
from benchmarks.targets import at_most
from getimg_mock.fake import Fake
from getimg_mock.settings import Settings
from getimg_mock.store.encoding import GenerationRow, encode_generation
from getimg_mock.world.validation import validate_request

FEW: Final = 1_000
MANY: Final = 1_000_000
ROUNDS: Final = 15
POLLS: Final = 500
LATENCY: Final = 1.3
START: Final = 1.0
VIDEO: Final = {"model": "seedance-v1-5-pro", "prompt": "Waves", "duration": 5}


def main() -> int:
    """Measure, print, and return the exit status."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers, polls = {}, {}
        for count in (FEW, MANY):
            path = folder / f"{count}.db"
            polls[count] = _fill(path, count)
            servers[count] = stack.enter_context(
                running(partial(_command, path), image_requests(1)[0])
            )
        ratios = []
        for _ in range(ROUNDS):
            few, many = (_measure(servers[count], polls[count]) for count in (FEW, MANY))
            ratios.append(many / few)
        began = servers[MANY].cold_start - servers[FEW].cold_start
        missed = at_most(f"stores    poll of one in {MANY:,} / {FEW:,}", median(ratios), LATENCY)
        what = f"stores    start with {MANY:,} generations, beyond that with {FEW:,}"
        return max(missed, at_most(what, began, START, " s"))


def _command(path: Path, port: int) -> list[str]:
    return [*fake(port), "--store", f"sqlite:///{path}"]


def _measure(server: Server, requests: list[bytes]) -> float:
    seen = load(port=server.port, requests=requests, count=POLLS, connections=4)
    if set(seen.statuses) != {200}:
        raise RuntimeError(f"Not every poll was answered with 200: {seen.statuses}.")
    return seen.median


def _fill(path: Path, count: int) -> list[bytes]:
    """Make a store with so many ended videos of one workspace; returns polls of some of them."""
    made = Fake.of(Settings.of(store=f"sqlite:///{path}", balance=1_000_000, video_seconds=0))
    workspace = made.store.get_or_create(KEY)
    request = validate_request("video", VIDEO, made.catalogue, strict=True, silent_sound="accept")
    generation = workspace.submit(request)
    made.store.close()
    connection = sqlite3.connect(path)
    (number,) = connection.execute("SELECT workspace FROM generations").fetchone()
    ids = [f"req-01{index * 7919:012d}" for index in range(count)]
    text = encode_generation(GenerationRow(generation, None, 0, (), 1))
    connection.executemany(
        "INSERT INTO generations (workspace, id, pending, body) VALUES (?, ?, 0, ?)",
        ((number, each, text.replace(generation.id, each)) for each in ids),
    )
    connection.commit()
    connection.close()
    step = max(1, count // POLLS)
    return [encoded("GET", f"/v2/videos/generations/{each}") for each in ids[::step]]


if __name__ == "__main__":
    sys.exit(main())
