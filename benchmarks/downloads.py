"""How fast the fake sends files, as a share of what a bare static server does with the same bytes.

A cached JPEG of 2048x2048 pixels, and a file of the user's own, by default of 500 MB. Both servers
run at the same time and send each file in turn over one connection; the figure is the median of
the ratios of the rounds. With `--cpu` it compares processor time for the same bytes.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from benchmarks.load import IMAGES, encoded
from benchmarks.processes import Server, fake, running
from benchmarks.targets import at_least

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS: Final = 7
PICTURES: Final = 200
"""Downloads of the JPEG in a round."""
TARGET: Final = 0.7
IMAGE: Final = {
    "model": "z-image-turbo",
    "prompt": "A lighthouse",
    "aspect_ratio": "1:1",
    "resolution": "2K",
}
OWN: Final = {**IMAGE, "model": "seedream-5-lite"}
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Seen:
    """What the downloads of one round took: real and processor seconds."""

    real: float
    cpu: float


class Client:
    """Downloads over one connection, and throws the bytes away."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self._buffer = memoryview(bytearray(_PIECE))

    def download(self, request: bytes) -> int:
        """Send a request and return the size of the body of the answer."""
        self._socket.sendall(request)
        count = self._socket.recv_into(self._buffer)
        head, _, rest = bytes(self._buffer[:count]).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"It answered {head!r}.")
        begin = head.lower().index(b"content-length: ") + len(b"content-length: ")
        size = int(head[begin:].partition(b"\r\n")[0])
        left = size - len(rest)
        while left:
            left -= self._socket.recv_into(self._buffer, min(left, _PIECE))
        return size

    def measure(self, request: bytes, times: int) -> Seen:
        """Return what so many downloads took."""
        cpu, began = self._server.read_cpu_seconds(), time.perf_counter()
        for _ in range(times):
            self.download(request)
        return Seen(time.perf_counter() - began, self._server.read_cpu_seconds() - cpu)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.downloads", description=__doc__)
    parser.add_argument("--cpu", action="store_true", help="compare processor time")
    parser.add_argument("--megabytes", type=int, default=500, help="size of the own file")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        own, picture = folder / "own.jpeg", folder / "picture.jpeg"
        command = partial(serving, own)
        ours = stack.enter_context(running(fake, encoded("POST", IMAGES, body=IMAGE)))
        links = [_submit(ours, IMAGE)]
        picture.write_bytes(_fetch(ours, links[0]))
        _write_own(own, picture, options.megabytes * 1_000_000)
        large = stack.enter_context(running(command, encoded("POST", IMAGES, body=OWN)))
        links.append(_submit(large, OWN))
        static = partial(serving_static, [picture, own])
        base = stack.enter_context(running(static, _get("/0")))
        return max(
            _compare("cached JPEG", (ours, links[0]), (base, "/0"), PICTURES, cpu=options.cpu),
            _compare("own file", (large, links[1]), (base, "/1"), 1, cpu=options.cpu),
        )


def serving(own: Path, port: int) -> list[str]:
    """Return the command that serves the fake with a file of the user's own for each image."""
    return [*fake(port), "--media", str(own)]


def serving_static(files: Sequence[Path], port: int) -> list[str]:
    """Return the command that serves files as they are."""
    return [sys.executable, "-m", "benchmarks.static", str(port), *map(str, files)]


def _get(target: str) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % target.encode()


def _submit(server: Server, body: object) -> str:
    """Return the target of the link of a new image."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(encoded("POST", IMAGES, body=body))
        answer = connection.recv(65536).partition(b"\r\n\r\n")[2]
    parts = urlsplit(json.loads(answer)["data"][0]["url"])
    return f"{parts.path}?{parts.query}"


def _fetch(server: Server, target: str) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        request = _get(target).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        connection.sendall(request)
        with connection.makefile("rb") as stream:
            return stream.read().partition(b"\r\n\r\n")[2]


def _write_own(path: Path, picture: Path, size: int) -> None:
    """Write a JPEG of so many bytes: what follows the end of the picture is not read."""
    with path.open("wb") as file:
        file.write(picture.read_bytes())
        file.truncate(size)


def _compare(
    what: str, ours: tuple[Server, str], base: tuple[Server, str], times: int, *, cpu: bool
) -> int:
    clients = [(Client(server), _get(target)) for server, target in (ours, base)]
    sizes = {client.download(request) for client, request in clients}
    if len(sizes) != 1:
        raise RuntimeError(f"The servers send different files: {sizes}.")
    rounds = [[each.measure(request, times) for each, request in clients] for _ in range(ROUNDS)]
    mib = sizes.pop() * times / 2**20
    shown = " and ".join(
        f"{mib / median(each[place].real for each in rounds):,.0f}" for place in (0, 1)
    )
    print(f"downloads {what}, MiB/s of the fake and the static server: {shown}")
    ratios = (each[1].cpu / each[0].cpu if cpu else each[1].real / each[0].real for each in rounds)
    return at_least(f"downloads {what}, fake / static", median(ratios), TARGET)


if __name__ == "__main__":
    sys.exit(main())
