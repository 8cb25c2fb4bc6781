"""Kinds of pressure on the fake beside random requests, each with what must hold under it."""

from __future__ import annotations

import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from typing import Any, Final

from benchmarks.soak_server import BrokenInvariantError, SoakServer, start_server
from getimg_mock.world.clock import pause, stopwatch

SLOW: Final = 500
DISCONNECTS: Final = 10_000
WORKSPACES: Final = 200
KEPT: Final = 50
DAY_SECONDS: Final = 3.0  # real seconds; at x86400, each is a day
KEY: Final = "sk_soak"
IMAGE: Final = {"model": "seedream-5-lite", "prompt": "A lighthouse"}
VIDEO: Final = {"model": "seedance-v1-5-pro", "prompt": "Waves"}
IMAGES: Final = ("POST", "/v2/images/generations")
VIDEOS: Final = ("POST", "/v2/videos/generations")
BALANCE: Final = ("GET", "/v2/billing/balance")

_HEAD: Final = "Host: x\r\nAuthorization: Bearer sk_soak\r\n"
_JSON: Final = "Content-Type: application/json\r\n"
_MANY: Final = '{"count":9999}'
_LEFT: Final = (
    f"GET /__mock__/journal HTTP/1.1\r\n{_HEAD}\r\n",
    f"GET /__mock__/journal/tail HTTP/1.1\r\n{_HEAD}\r\n",
    f"GET /__mock__/changes HTTP/1.1\r\n{_HEAD}\r\n",
    f"GET /v2/models HTTP/1.1\r\n{_HEAD}\r\n",
    f"POST /v2/images/generations HTTP/1.1\r\n{_HEAD}Content-Length: 900\r\n\r\n{{",
    f"POST /__mock__/journal/wait HTTP/1.1\r\n{_HEAD}{_JSON}Content-Length: 14\r\n\r\n{_MANY}",
)


def expect(status: int, wanted: int, what: str) -> None:
    """Raise `BrokenInvariantError` where a status is not the wanted one."""
    if status != wanted:
        raise BrokenInvariantError(f"{what}: {status}, not {wanted}")


def run_slowloris() -> str:
    """Hold connections that send a head byte by byte; others must be served meanwhile."""
    with start_server() as server, ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            for _ in range(SLOW)
        ]
        connection, served = server.connect(), 0
        for byte in b"POST /v2/images/generations HTTP/1.1\r\nHost: x":
            for each in slow:
                each.sendall(bytes((byte,)))
            for _ in range(20):
                expect(server.ask(connection, IMAGES, KEY, IMAGE)[0], 200, "an image")
                served += 1
        server.check(KEY)
        return f"{SLOW} slow connections, {served} requests served, {_describe(server)}"


def run_disconnects() -> str:
    """Leave answers in the middle; no connection, task or memory may stay behind."""
    random = Random(1)  # noqa: S311 - no secret
    with start_server() as server:
        connection = server.connect()
        for _ in range(300):
            server.ask(connection, IMAGES, KEY, IMAGE)
        before = server.count_descriptors()
        for number in range(DISCONNECTS):
            _leave(server.port, random.choice(_LEFT), random.choice((0, 1, 5000)), random)
            if number % 100 == 0:
                expect(server.ask(connection, BALANCE, KEY)[0], 200, "the balance")
        end = stopwatch() + 30
        while server.count_descriptors() > before + 5 and stopwatch() < end:
            pause(0.1)
        after = server.count_descriptors()
        if after > before + 5:
            raise BrokenInvariantError(f"{after} descriptors are open, {before} were before")
        server.check(KEY)
        return f"{DISCONNECTS:,} disconnects, {after} descriptors open, {_describe(server)}"


def _leave(port: int, request: str, read: int, random: Random) -> None:
    """Send a request, read some bytes of the answer, and close or reset the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as leaving:
        leaving.sendall(request.encode())
        if read and not request.startswith("POST"):
            leaving.recv(read)
        if random.random() < 0.5:
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def run_day() -> str:
    """Run days at x86400: each video ends, each link expires, and money adds up."""
    with start_server("--clock", "x86400", "--retention", "3600") as server:
        connection, made, end = server.connect(), [], stopwatch() + DAY_SECONDS
        while stopwatch() < end:
            expect(server.ask(connection, IMAGES, KEY, IMAGE)[0], 200, "an image")
            status, answer = server.ask(connection, VIDEOS, KEY, VIDEO)
            expect(status, 202, "a video")
            made.append(answer["id"])
        pause(0.2)  # nearly five hours: all have ended
        for each in made:
            target = ("GET", f"/v2/videos/generations/{each}")
            status, answer = server.ask(connection, target, KEY)
            expect(status, 200, "a status")
            if answer["status"] == "pending":
                raise BrokenInvariantError(f"{each} has not ended after hours")
        server.check(KEY)
        return f"{DAY_SECONDS:.0f} days, {len(made)} videos ended, {_describe(server)}"


def run_parallel() -> str:
    """Let many workspaces work at once: each gets the answers that it gets alone."""
    keys = [f"sk_soak_{number}" for number in range(WORKSPACES)]
    with start_server("--clock", "virtual") as server:
        alone = {key: _work(server, key) for key in keys}
    with start_server("--clock", "virtual") as server:
        with ThreadPoolExecutor(20) as pool:
            together = dict(zip(keys, pool.map(lambda key: _work(server, key), keys), strict=True))
        server.check(*keys)
        differing = [key for key in keys if alone[key] != together[key]]
        if differing:
            raise BrokenInvariantError(
                f"{len(differing)} workspaces differ, such as {differing[0]}"
            )
        return f"{WORKSPACES} workspaces as each alone, {_describe(server)}"


def _work(server: SoakServer, key: str) -> list[Any]:
    """Make pictures and videos in a workspace; return what its answers say, without dates."""
    connection = server.connect()
    seen: list[Any] = []
    for number in range(5):
        image = {**IMAGE, "prompt": f"Lighthouse {number}"}
        status, answer = server.ask(connection, IMAGES, key, image)
        seen.append((status, answer["id"], answer["data"][0]["width"], answer["data"][0]["height"]))
        status, answer = server.ask(connection, VIDEOS, key, VIDEO)
        video = answer["id"]
        server.ask(connection, ("POST", "/__mock__/clock/advance"), key, {"duration": "1m"})
        status, answer = server.ask(connection, ("GET", f"/v2/videos/generations/{video}"), key)
        seen.append((status, video, answer["status"]))
    seen.append(server.ask(connection, BALANCE, key))
    connection.close()
    return seen


def run_eviction() -> str:
    """Use more workspaces than are kept, from several threads: each request is answered."""
    with start_server("--max-workspaces", str(KEPT)) as server:

        def work(thread: int) -> int:
            connection, random = server.connect(), Random(thread)  # noqa: S311 - no secret
            for _ in range(500):
                key = f"sk_soak_{random.randrange(10 * KEPT)}"
                expect(server.ask(connection, IMAGES, key, IMAGE)[0], 200, "an image")
                expect(server.ask(connection, VIDEOS, key, VIDEO)[0], 202, "a video")
            connection.close()
            return 1000

        with ThreadPoolExecutor(8) as pool:
            sent = sum(pool.map(work, range(8)))
        connection = server.connect()
        _, answer = server.ask(connection, ("GET", "/__mock__/workspaces"), KEY)
        kept = len(answer["workspaces"])
        if kept > KEPT:
            raise BrokenInvariantError(f"{kept} workspaces are kept, more than {KEPT}")
        server.check(*(f"sk_soak_{number}" for number in range(10)))
        return f"{sent:,} requests of {10 * KEPT} keys, {kept} kept, {_describe(server)}"


def _describe(server: SoakServer) -> str:
    return f"{server.read_memory():.0f} MiB"
