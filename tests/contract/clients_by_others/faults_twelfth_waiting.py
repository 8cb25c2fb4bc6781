"""Faults of polling, timeouts and cancellation."""

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("polling", style="requests", blocker=True, program=True)
class ReordersWhenWaitRunsOut(StreamedRequestsClient):
    """Retries the whole job when the wait for a video runs out: a second order is paid for."""

    def generate_video(self, **fields: Any) -> Any:
        for _ in range(self.max_retries):
            try:
                return super().generate_video(**fields)
            except WaitTimeout:
                continue
        return super().generate_video(**fields)


@faulty("polling", style="sdk-async", blocker=True)
class ObeysRetryAfterPastDeadline(SdkAsyncClient):
    """Sleeps in its wait for as long as Retry-After says, though the deadline comes before."""

    async def wait(self, id: str) -> Any:
        began, told = time.monotonic(), 0.0
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                await self.sleep(max(told, min(self.poll_interval, left), 0.0))
                if time.monotonic() - began >= self.wait_timeout:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                await self.pace()
                try:
                    video, told = await self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                    continue
                if self.ended(video):
                    return video
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("polling", blocker=True)
class KeepsPendingVideosForEver(HttpxClient):
    """Keeps what it retrieved by id, pending too: who polls by retrieve_video sees no end."""

    def prepare(self) -> None:
        self.seen: dict[str, Any] = {}

    def retrieve_video(self, id: str) -> Any:
        if id not in self.seen:
            self.seen[id] = super().retrieve_video(id)
        return copy.deepcopy(self.seen[id])


@faulty("timeouts", style="httpx-async", blocker=True)
class LeavesReadingToDefault(HttpxAsyncClient):
    """Uses the timeout for connecting alone: at 5 s, httpx's default, it drops a slow picture."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        phases: Any = httpx.Timeout(5.0, connect=timeout)
        async with super().open(method, url, body, headers, phases) as opened:
            yield opened


@faulty("timeouts", style="threads", blocker=True)
class JoinsWorkerAfterTimeout(HttpxClient):
    """Bounds a request by future.result(timeout) in the pool's block, whose end waits for it."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        with ThreadPoolExecutor(max_workers=1) as workers:
            asked = workers.submit(super().exchange, method, url, body, headers)
            try:
                return asked.result(timeout=self.timeout)
            except TimeoutError:
                raise ConnectionLost(f"No whole answer in {self.timeout} s.") from None

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        phases: Any = timeout
        if "Authorization" in headers:
            phases = httpx.Timeout(timeout, read=None)
        with super().open(method, url, body, headers, phases) as opened:
            yield opened


@faulty("cancellation", style="sdk-async", blocker=True)
class CancelledOrdersKeepSlots(SdkAsyncClient):
    """Does not give back the slot of a cancelled order: after four, orders wait for ever."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(4)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        await self.slots.acquire()
        try:
            answer = await super().attempt(method, url, body)
        except Exception:
            self.slots.release()
            raise
        self.slots.release()
        return answer


@faulty("cancellation", style="httpx-async", blocker=True)
class OrdersOnAfterCancel(HttpxAsyncClient):
    """Shields its orders: one cancelled between two tries is sent and charged, its id unknown."""

    def prepare(self) -> None:
        self.orders: set[asyncio.Task[Any]] = set()

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        order = asyncio.ensure_future(super().submit(kind, shape, fields))
        self.orders.add(order)
        order.add_done_callback(self.orders.discard)
        return await asyncio.shield(order)
