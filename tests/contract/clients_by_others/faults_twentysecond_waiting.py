"""Faults of timeouts, cancellation and pacing."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit

import h11

from tests.contract.clients_by_others.async_flow import AsyncFlow, Opened
from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.sync_transports import HttpxClient

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Ends = asyncio.Queue[tuple[asyncio.Future[Any], asyncio.Task[Any]]]


async def event(http: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (came := http.next_event()) is h11.NEED_DATA:
        http.receive_data(await reader.read(65536))
    if isinstance(came, h11.ConnectionClosed):
        raise h11.RemoteProtocolError("The connection ended before the answer.")
    return came


async def pieces(http: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while isinstance(came := await event(http, reader), h11.Data):
        yield bytes(came.data)


@faulty("timeouts", style="stdlib", blocker=True, program=True)
class KeepsLinesOfLateAnswers(AsyncFlow):
    """Uses a connection again whose request ran out of time: the next call gets its late answer."""

    def prepare(self) -> None:
        self.idle: dict[str, list[Line]] = {}

    async def line(self, parts: SplitResult) -> Line:
        kept = self.idle.setdefault(f"{parts.scheme}://{parts.netloc}", [])
        while kept:
            reader, writer = kept.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        secure = parts.scheme.lower() == "https"
        try:
            port = parts.port or (443 if secure else 80)
            return await asyncio.open_connection(parts.hostname, port, ssl=secure or None)
        except (OSError, ValueError) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None

    async def ask(
        self,
        http: h11.Connection,
        line: Line,
        method: str,
        url: str,
        body: bytes | None,
        *sent: Any,
    ) -> tuple[int, dict[str, str]]:
        parts, (reader, writer) = urlsplit(url), line
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        length = [("Content-Length", str(len(body)))] if body is not None else []
        fields = [("Host", parts.netloc.rpartition("@")[2]), *sent, *length]
        events = (h11.Request(method=method, target=target, headers=fields),)
        data = (h11.Data(data=body),) if body else ()
        for part in (*events, *data, h11.EndOfMessage()):
            writer.write(http.send(part) or b"")
        await writer.drain()
        while isinstance(head := await event(http, reader), h11.InformationalResponse):
            pass
        return head.status_code, {n.decode(): v.decode("latin-1") for n, v in head.headers}

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        parts, http, keep = urlsplit(url), h11.Connection(h11.CLIENT), True
        line = await self.line(parts)
        try:
            status, got = await self.ask(http, line, method, url, body, *headers.items())
            self.plain(got)
            yield status, got, pieces(http, line[0])
            keep = http.their_state is h11.DONE
        except ClientError:
            keep = False
            raise
        except (OSError, h11.ProtocolError) as error:
            keep = False
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
        finally:
            if keep:
                self.idle[f"{parts.scheme}://{parts.netloc}"].append(line)
            else:
                line[1].close()

    async def aclose(self) -> None:
        for kept in self.idle.values():
            while kept:
                kept.pop()[1].close()


@faulty("timeouts", style="sdk-async", blocker=True)
class CancelsCallerAtDeadline(SdkAsyncClient):
    """Ends a late wait by cancelling the caller's task, which a TaskGroup then drops in silence."""

    async def wait(self, id: str) -> Any:
        task = asyncio.current_task()
        assert task is not None
        alarm = asyncio.get_running_loop().call_later(self.wait_timeout, task.cancel)
        try:
            return await super().wait(id)
        finally:
            alarm.cancel()


@faulty("cancellation", style="httpx-async", blocker=True)
class CourierDiesOfCancelledWait(HttpxAsyncClient):
    """Hands all videos over by one task, which dies of a cancelled wait: later waits never end."""

    def prepare(self) -> None:
        self.ends: Ends = asyncio.Queue()
        self.courier: asyncio.Task[None] | None = None

    async def deliver(self) -> None:
        while True:
            receiver, job = await self.ends.get()
            failure = job.exception()
            if failure is not None:
                receiver.set_exception(failure)
            else:
                receiver.set_result(job.result())

    async def wait(self, id: str) -> Any:
        loop = asyncio.get_running_loop()
        if self.courier is None or self.courier.get_loop() is not loop:
            self.ends, self.courier = asyncio.Queue(), loop.create_task(self.deliver())
        ends, receiver = self.ends, loop.create_future()
        job = loop.create_task(super().wait(id))
        job.add_done_callback(lambda done: ends.put_nowait((receiver, done)))
        try:
            return await receiver
        except asyncio.CancelledError as error:
            job.cancel()
            self.name(error, id)
            raise

    async def aclose(self) -> None:
        if self.courier is not None:
            self.courier.cancel()
        await super().aclose()


@faulty("cancellation", style="httpx-async")
class PausesInWorkerThreads(HttpxAsyncClient):
    """Pauses in threads, which no cancel wakes: they pile up, and the loop's end waits for them."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.to_thread(time.sleep, seconds)


@faulty("pacing", blocker=True)
class BucketNeverRefills(HttpxClient):
    """Rounds what flows into its bucket of orders down at each look: used up, it stays empty."""

    full, each_second = 5, 2.0

    def prepare(self) -> None:
        self.places, self.filled = self.full, time.monotonic()
        self.bucket = threading.Lock()

    def granted(self) -> bool:
        with self.bucket:
            now = time.monotonic()
            came = int((now - self.filled) * self.each_second)
            self.places, self.filled = min(self.places + came, self.full), now
            if self.places < 1:
                return False
            self.places -= 1
            return True

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        while method == "POST" and not self.granted():
            self.sleep(0.1)
        return super().attempt(method, url, body)


@faulty("pacing", style="requests", blocker=True, program=True)
class DividesByRemainingOrders(StreamedRequestsClient):
    """Shares the window among the orders left in it: if none is, it divides by 0, after paying."""

    widest = 2.0

    def prepare(self) -> None:
        self.next_order = 0.0

    def spread(self, headers: dict[str, str]) -> None:
        remaining, left = headers.get("x-ratelimit-remaining", "").strip(), self.reset(headers)
        if remaining.isdecimal() and left is not None:
            self.next_order = time.monotonic() + min(left / int(remaining), self.widest)

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return super().attempt(method, url, body)
        self.sleep(max(self.next_order - time.monotonic(), 0))
        answer = super().attempt(method, url, body)
        self.spread(answer.headers)
        return answer
