"""How much processor time a replayed request takes, as a share of one that the fake generates.

Both servers run at the same time and are loaded in turn with the same requests. Each round has a
key of its own, so that each request of it is the first of its kind. The ratio is the median of the
ratios of the rounds; it can be trusted while other programs use the machine.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.load import image_requests, load
from benchmarks.processes import Server, fake, running
from benchmarks.targets import at_most
from getimg_mock.cassettes.canonical_requests import canonicalize_request
from getimg_mock.cassettes.cassette import (
    RecordedBody,
    RecordedExchange,
    RecordedFile,
    RecordedResponse,
)
from getimg_mock.cassettes.cassette_writer import (
    prepare_folder,
    write_entries,
    write_manifest,
    write_media,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = 15
REQUESTS: Final = 2_000
CONNECTIONS: Final = 16
MOST: Final = 1.1
PATH: Final = "/v2/images/generations"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.replaying", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(arguments)
    costs: dict[str, list[float]] = {"generated": [], "replayed": []}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "cassette"
        write_cassette(folder, image_requests(REQUESTS))
        first = image_requests(1)[0]
        servers = {
            "generated": stack.enter_context(running(fake, first)),
            "replayed": stack.enter_context(running(partial(replaying, folder), first)),
        }
        for number in range(options.rounds + 1):
            requests = image_requests(REQUESTS, key=f"sk_round_{number}")
            for name, server in servers.items():
                costs[name].append(_measure(server, requests))
    del costs["generated"][0], costs["replayed"][0]  # these warm up
    for name, each in costs.items():
        print(f"replaying {name}: {median(each) * 1e6:.0f} us of processor time a request")
    pairs = zip(costs["replayed"], costs["generated"], strict=True)
    share = median(replayed / generated for replayed, generated in pairs)
    return at_most("replaying POST image, replayed / generated", share, MOST)


def replaying(folder: Path, port: int) -> list[str]:
    """Return the command that serves the fake with a cassette."""
    return [*fake(port), "--replay", str(folder)]


def write_cassette(folder: Path, requests: Sequence[bytes]) -> None:
    """Write a cassette that has each of the requests once."""
    prepare_folder(folder)
    media = write_media(folder, b"\xff\xd8 a picture", "image/png")
    file = RecordedFile(index=0, media=media, media_type="image/png", size=12)
    write_entries(folder, (_build_entry(each.partition(b"\r\n\r\n")[2], file) for each in requests))
    write_manifest(folder, product="0", contract="1", upstream="api.getimg.ai")


def _build_entry(body: bytes, file: RecordedFile) -> RecordedExchange:
    form = canonicalize_request("POST", PATH, "", body)
    item = {
        "url": "{link:0}",
        "width": 2848,
        "height": 1600,
        "mime_type": "image/png",
        "deletes_at": "{answer+86400s}",
    }
    usage = {"total_cost": 0.04, "billable_unit": "image", "unit_price": 0.04, "quantity": 1}
    result = {
        "id": "{generation}",
        "status": "completed",
        "model": json.loads(body)["model"],
        "data": [item],
        "usage": usage,
    }
    return RecordedExchange(
        operation=form.operation,
        digest=form.digest,
        occurrence=1,
        recorded="2026-11-01",
        request=form.request,
        response=RecordedResponse(status=200, body=RecordedBody("json", result)),
        cost=Decimal("0.04"),
        files=(file,),
    )


def _measure(server: Server, requests: Sequence[bytes]) -> float:
    """Return the processor seconds of a request."""
    before = server.read_cpu_seconds()
    seen = load(port=server.port, requests=requests, count=REQUESTS, connections=CONNECTIONS)
    if seen.statuses != {200: REQUESTS}:
        raise RuntimeError(f"Not every request was answered with 200: {seen.statuses}.")
    return (server.read_cpu_seconds() - before) / REQUESTS


if __name__ == "__main__":
    sys.exit(main())
