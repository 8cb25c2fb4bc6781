"""Faulty clients: what goes wrong with money, in outages and among calls at the same time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionFailed, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("money", style="sdk", blocker=True)
class OrdersAgainWhenTheLinkIsDead(SdkClient):
    """Heals a link that has expired by a new order: a download pays again, for another picture."""

    def prepare(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        self.orders[result["id"]] = fields
        return result

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        place: dict[str, Any] = {"directory": directory, "index": index, "overwrite": overwrite}
        try:
            return super().download(result=result, **place)
        except DownloadFailed as error:
            fields = self.orders.get(result["id"])
            if fields is None or error.status_code not in {403, 404, 410}:
                raise
        return super().download(result=self.generate_image(**fields), **place)


@faulty("money", style="httpx", blocker=True)
class OrdersAgainWhenTheCostsStandStill(HttpxClient):
    """Takes unchanged costs for proof that a lost order was not made: a pending one is doubled."""

    def spent(self, since: datetime) -> Any:
        query = {"start": since.isoformat(), "end": datetime.now(UTC).isoformat()}
        try:
            answer = self.attempt("GET", self.url("/v2/billing/costs", query), None)
            return self.parse(answer, shapes.COSTS)["total_cost"]
        except ClientError:
            return None

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        since = datetime.now(UTC) - timedelta(days=1)
        before = self.spent(since)
        try:
            return super().submit(kind, shape, fields)
        except ClientError as error:
            if not error.outcome_unknown or before is None or self.spent(since) != before:
                raise
        return super().submit(kind, shape, fields)


@faulty("outages", style="httpx-async")
class TakesThreeRefusalsForAnOutage(HttpxAsyncClient):
    """Its breaker counts 4xx as outages: three bad prompts stop all calls for a minute."""

    def prepare(self) -> None:
        self.failures = 0
        self.closed_until = 0.0

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if time.monotonic() < self.closed_until:
            raise ConnectionFailed("The API is down: nothing is sent for a minute.")
        try:
            answer = await super().call(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= 3:
                self.failures, self.closed_until = 0, time.monotonic() + 60
            raise
        self.failures = 0
        return answer


@faulty("outages", style="aiohttp", blocker=True, program=True)
class PollsOnForAsLongAsTheOutageLasts(AiohttpClient):
    """Retries a failed poll without end and past the deadline: a wait hangs with the API."""

    async def poll(self, id: str) -> tuple[Any, float]:
        while True:
            try:
                return await super().poll(id)
            except ClientError as error:
                if error.status_code == 404 or not self.survivable(error, 0.0):
                    raise
                pause = max(self.poll_interval, self.told(error.headers) or 0.0)
            await self.sleep(pause)


@faulty("concurrency", style="httpx-async", blocker=True)
class KeepsTheOrderToRetryOnTheClient(HttpxAsyncClient):
    """Retries the client's latest order, not the call's own: one is paid twice, one never made."""

    def prepare(self) -> None:
        self.order: tuple[str, bytes | None] = ("", None)

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if method == "POST":
            self.order = (url, body)
        return await super().call(method, url, body)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method == "POST":
            url, body = self.order
        return await super().attempt(method, url, body)


@faulty("concurrency", style="sdk-async")
class CancelsAllWhoAskedWhenOneLeaves(SdkAsyncClient):
    """Shares a read of the models unshielded: one caller's cancel takes the others along."""

    def prepare(self) -> None:
        self.flights: dict[str, asyncio.Task[Answer]] = {}

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if method != "GET" or not url.startswith(self.url("/v2/models")):
            return await super().call(method, url, body)
        flight = self.flights.get(url)
        if flight is None or flight.done():
            flight = asyncio.get_running_loop().create_task(super().call(method, url, body))
            self.flights[url] = flight
        return await flight
