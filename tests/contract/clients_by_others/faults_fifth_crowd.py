"""Faults of calls side by side, of calls cut short, and of what calls leave behind."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import requests

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("concurrency", blocker=True)
class WaitsForNewestJob(HttpxClient):
    """Keeps the id it polls in the client: two waits side by side both return the later video."""

    def prepare(self) -> None:
        self.job = ""

    def wait(self, id: str) -> Any:
        self.job = id
        return super().wait(id)

    def poll(self, id: str) -> tuple[Any, float]:
        return super().poll(self.job)


@faulty("concurrency", style="aiohttp", program=True)
class BacksOffBlockingLoop(AiohttpClient):
    """Sleeps between tries by time.sleep, so all other tasks of the loop stand still."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        if pause is None:
            return None
        time.sleep(pause)
        return 0.0


@faulty("concurrency")
class StarvesOnItsOwnPool(HttpxClient):
    """Has two connections and waits 0.3 s for a free one: a third slow order fails unsent."""

    def make_pool(self) -> httpx.Client:
        two = httpx.Limits(max_connections=2)
        return httpx.Client(follow_redirects=False, trust_env=False, limits=two)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        limits: Any = httpx.Timeout(timeout, pool=0.3)
        with super().open(method, url, body, headers, limits) as opened:
            yield opened


@faulty("cancellation", style="httpx-async")
class CancelOnlyWakesIt(HttpxAsyncClient):
    """Swallows a cancellation that comes while it sleeps between polls, and polls on."""

    async def sleep(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(seconds)


@faulty("cancellation", style="httpx-async", blocker=True)
class ShieldsOrdersFromCancel(HttpxAsyncClient):
    """Shields orders with their retries: a cancelled call still orders, and nobody learns of it."""

    def prepare(self) -> None:
        self.orders: set[asyncio.Future[Answer]] = set()

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if method == "GET":
            return await super().call(method, url, body)
        order = asyncio.ensure_future(super().call(method, url, body))
        self.orders.add(order)
        order.add_done_callback(self.orders.discard)
        return await asyncio.shield(order)


@faulty("resources")
class LeavesWatchdogs(HttpxClient):
    """Starts a timer thread for each wait and never stops it when the video is there."""

    def wait(self, id: str) -> Any:
        watchdog = threading.Timer(self.wait_timeout, LOG.warning, ("video %s is late", id))
        watchdog.daemon = True
        watchdog.start()
        return super().wait(id)


@faulty("resources", style="requests", program=True)
class KeepsSessionPerJob(StreamedRequestsClient):
    """Opens a session for each video and keeps it for ever, with its connection."""

    def prepare(self) -> None:
        self.jobs: dict[str, requests.Session] = {}

    def wait(self, id: str) -> Any:
        usual = self.session()
        mine = self.jobs[id] = requests.Session()
        mine.trust_env = False
        self.threads.session = mine
        try:
            return super().wait(id)
        finally:
            self.threads.session = usual
