"""A load generator fast enough to measure Python servers: raw sockets, kept alive, no pipelining.

Each connection sends one of the requests given, reads its answer by `Content-Length`, or to its
last chunk, and sends the next. Nothing is parsed but the status and that header, so the client does
less than the server.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from getimg_mock.serving.server import new_event_loop

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

KEY: Final = "sk_benchmark"
IMAGES: Final = "/v2/images/generations"
_LIMIT: Final = 600  # seconds; a run that takes longer hangs
_LENGTH: Final = b"content-length:"
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of the load generator saw: requests per second, and latencies in seconds."""

    rate: float
    median: float
    p99: float
    statuses: dict[int, int]


def image_requests(count: int, *, key: str = KEY) -> list[bytes]:
    """Return `count` different image requests, each as the bytes that go over the wire."""
    return [
        encoded(
            "POST",
            IMAGES,
            key=key,
            body={
                "model": "seedream-5-lite",
                "prompt": f"A lighthouse in fog, oil on canvas, number {number}",
                "aspect_ratio": "16:9",
                "resolution": "2K",
                "output_format": "png",
            },
        )
        for number in range(count)
    ]


def encoded(method: str, path: str, *, key: str = KEY, body: object = None) -> bytes:
    """Return one HTTP/1.1 request with about the headers that an HTTP client library sends."""
    data = b"" if body is None else json.dumps(body).encode()
    head = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Accept: application/json",
        "Accept-Encoding: gzip, deflate",
        "Connection: keep-alive",
        "User-Agent: getimg-mock-benchmark",
        f"Authorization: Bearer {key}",
    ]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + data


@dataclass(frozen=True, slots=True)
class Tunnel:
    """TLS with a host behind a proxy."""

    host: str
    context: ssl.SSLContext

    async def open(self, protocol: asyncio.Protocol, port: int) -> None:
        """Give `protocol` a connection through the proxy at 127.0.0.1:`port`."""
        loop = asyncio.get_running_loop()
        greeting = _Greeting(f"CONNECT {self.host}:443 HTTP/1.1\r\n\r\n".encode(), loop)
        transport, _ = await loop.create_connection(lambda: greeting, "127.0.0.1", port)
        await greeting.answered
        secured = await loop.start_tls(transport, protocol, self.context, server_hostname=self.host)
        if secured is None:
            raise ConnectionError("The proxy closed the connection in the handshake.")
        protocol.connection_made(secured)


class _Greeting(asyncio.Protocol):
    """Asks a proxy for a tunnel, and waits for its answer."""

    def __init__(self, request: bytes, loop: asyncio.AbstractEventLoop) -> None:
        self._request = request
        self.answered: asyncio.Future[None] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"HTTP/1.1 200") and data.endswith(b"\r\n\r\n"):
            self.answered.set_result(None)
        else:
            self.answered.set_exception(ConnectionError(f"The proxy answered {data[:80]!r}."))


class _Connection(asyncio.Protocol):
    """One keep-alive connection that takes its next request from a shared iterator."""

    def __init__(self, work: _Work, place: int) -> None:
        self._work = work
        self._place = place
        self._received = bytearray()
        self._expected = 0  # 0: the head has not ended yet
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # a cast, for uvloop's transports do not inherit from asyncio's
        self._transport = cast("asyncio.Transport", transport)
        self._send(self._transport)

    def _send(self, transport: asyncio.Transport) -> None:
        request = self._work.next_request(self._place)
        if request is None:
            transport.close()
            return
        self._sent_at = time.perf_counter()
        transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._expected:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(received[: end + 2]).lower()
            begin = head.find(_LENGTH) + len(_LENGTH)
            if begin < len(_LENGTH):
                if received.endswith(_LAST_CHUNK):
                    self._take_answer()
                return
            self._expected = end + 4 + int(head[begin : head.index(b"\r\n", begin)])
        if len(received) >= self._expected:
            self._take_answer()

    def _take_answer(self) -> None:
        received = self._received
        self._work.answered(int(received[9:12]), time.perf_counter() - self._sent_at)
        received.clear()
        self._expected = 0
        if self._transport is not None:
            self._send(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._work.closed(exc)


class _Work:
    """The requests still to be sent, and what came of those that were."""

    def __init__(
        self, requests: Sequence[bytes], *, count: int, connections: int, apart: bool
    ) -> None:
        self._requests = requests
        # The next request of each connection, where they have requests of their own.
        self._places = list(range(connections)) if apart else []
        self._left = self._count = count
        self._open = connections
        self.statuses: dict[int, int] = {}
        self.latencies: list[float] = []
        loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(self._failed)

    def _failed(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self.done.done():
            self.done.set_exception(context.get("exception") or RuntimeError(context["message"]))

    def next_request(self, place: int) -> bytes | None:
        if not self._left:
            return None
        self._left -= 1
        at = self._left
        if self._places:
            at = self._places[place]
            self._places[place] += len(self._places)
        return self._requests[at % len(self._requests)]

    def answered(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.latencies.append(seconds)

    def closed(self, exc: Exception | None) -> None:
        self._open -= 1
        if self.done.done():
            return
        if exc is not None or (not self._open and len(self.latencies) < self._count):
            self.done.set_exception(exc or ConnectionError("The server hung up before the end."))
        elif not self._open:
            self.done.set_result(None)


async def _run(
    port: int,
    requests: Sequence[bytes],
    count: int,
    connections: int,
    tunnel: Tunnel | None,
    *,
    apart: bool,
) -> Load:
    loop = asyncio.get_running_loop()
    work = _Work(requests, count=count, connections=connections, apart=apart)
    began = time.perf_counter()
    for place in range(connections):
        open_connection = partial(_Connection, work, place)
        if tunnel is None:
            await loop.create_connection(open_connection, "127.0.0.1", port)
        else:
            await tunnel.open(open_connection(), port)
    await asyncio.wait_for(work.done, _LIMIT)
    seconds = time.perf_counter() - began
    latencies = sorted(work.latencies)
    return Load(
        rate=count / seconds,
        median=statistics.median(latencies),
        p99=latencies[int(len(latencies) * 0.99)],
        statuses=work.statuses,
    )


def load(
    *,
    port: int,
    requests: Sequence[bytes],
    count: int,
    connections: int = 16,
    apart: bool = False,
    tunnel: Tunnel | None = None,
) -> Load:
    """Send `count` requests over `connections` connections to 127.0.0.1:`port`.

    With `apart` each connection has requests of its own: of 16 connections the first sends the
    requests 0, 16, 32 and so on, as often as it gets its answer. With `tunnel`, the port is that of
    a proxy.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_run(port, requests, count, connections, tunnel, apart=apart))
