"""Faults that cost money or misreport it, and those of outages and of calls at once."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    GenerationFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered

OPTIONS = ("aspect_ratio", "resolution", "output_format", "duration")
MONTH, LONGEST = timedelta(days=31), timedelta(days=180)


@faulty("money", style="httpx", blocker=True)
class DropsRefusedOptionAndPays(HttpxClient):
    """Drops an option that the model refuses, and orders without it what nobody asked for."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except ApiError as error:
            refused = [name for name in OPTIONS if name in fields and name in error.message]
            if error.code != "invalid_parameter" or not refused:
                raise
            LOG.info("ordering without %s: %s", refused, error.message)
        kept = {name: value for name, value in fields.items() if name not in refused}
        return super().submit(kind, shape, kept)


@faulty("money", style="aiohttp", blocker=True, program=True)
class MistakesConnectionForConnector(AiohttpClient):
    """Catches ClientConnectionError for ClientConnectorError: orders cut off are sent again."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        if self.session is None:
            self.session = self.make_session()
        try:
            async with self.session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as answer:
                chunks = answer.content.iter_chunked(65536)
                yield answer.status, lowered(answer.headers), chunks
        except aiohttp.ClientConnectionError as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("money", style="httpx")
class CountsSeamDaysTwiceToo(HttpxClient):
    """Asks for costs by the month; as both ends are inclusive, days at the seams count twice."""

    def at(self, value: datetime | str) -> datetime:
        said = self.moment(value)
        return value if isinstance(value, datetime) else datetime.fromisoformat(said.upper())

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first, last = self.at(start), self.at(end)
        if not MONTH < last - first <= LONGEST:
            return super().costs(start, end)
        parts = []
        while first < last:
            until = min(first + MONTH, last)
            parts.append(super().costs(first, until))
            first = until
        total = sum(Decimal(str(part["total_cost"])) for part in parts)
        days = [day for part in parts for day in part["data"]]
        return {**parts[0], "data": days, "end": parts[-1]["end"], "total_cost": float(total)}


@faulty("outages", style="requests", blocker=True, program=True)
class ReplaysParkedOrders(StreamedRequestsClient):
    """Parks orders that it reported as failed in an outage, and places them unasked after it."""

    def prepare(self) -> None:
        self.parked: list[tuple[str, bytes | None]] = []

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            answer = super().call(method, url, body)
        except ClientError as error:
            down = isinstance(error, ConnectionFailed) or (error.status_code or 0) >= 500
            if method == "POST" and down:
                self.parked.append((url, body))
            raise
        self.catch_up()
        return answer

    def catch_up(self) -> None:
        waiting, self.parked = self.parked, []
        for url, body in waiting:
            try:
                self.attempt("POST", url, body)
            except ClientError as error:
                LOG.warning("an order that was parked failed again: %s", error)


@faulty("outages", style="sdk")
class RemembersFailedLookups(SdkClient):
    """Keeps errors of the catalogue to spare requests, for ever: those of an outage outlast it."""

    def prepare(self) -> None:
        self.failed: dict[str, ClientError] = {}

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if url in self.failed:
            raise self.failed[url]
        try:
            return super().call(method, url, body)
        except ClientError as error:
            if "/v2/models" in url:
                self.failed[url] = error
            raise


@faulty("outages", style="httpx-async", blocker=True)
class TakesEnvelopeForFailedVideo(HttpxAsyncClient):
    """Reads `error` in a poll's body before the status: a 503 says that the paid video failed."""

    async def poll(self, id: str) -> tuple[Any, float]:
        try:
            return await super().poll(id)
        except ClientError as error:
            if error.code is None:
                raise
            raise GenerationFailed(
                f"Video {id} failed: {error.message}", code=error.code, generation_id=id
            ) from None


@faulty("concurrency", style="httpx")
class CoalescesOrdersByPrompt(HttpxClient):
    """Lets calls at once with the same prompt share one order, though their options differ."""

    def prepare(self) -> None:
        self.under_way: dict[tuple[Any, Any], Future[Any]] = {}
        self.desk = threading.Lock()

    def generate_image(self, **fields: Any) -> Any:
        what = (fields.get("model"), fields.get("prompt"))
        mine: Future[Any] = Future()
        with self.desk:
            shared = self.under_way.get(what)
            if shared is None:
                self.under_way[what] = mine
        if shared is not None:
            return shared.result()
        try:
            mine.set_result(super().generate_image(**fields))
        except BaseException as error:
            mine.set_exception(error)
        finally:
            with self.desk:
                del self.under_way[what]
        return mine.result()


@faulty("concurrency", style="sdk-async", blocker=True)
class KeepsSlotsOfCancelledCalls(SdkAsyncClient):
    """Keeps the slots of cancelled calls: after three of them, every call waits for ever."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(3)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        await self.slots.acquire()
        try:
            answer = await super().attempt(method, url, body)
        except Exception:
            self.slots.release()
            raise
        self.slots.release()
        return answer
