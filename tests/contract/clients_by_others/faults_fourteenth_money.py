"""Faults that cost money or misreport it, that show in outages, or with several calls at once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

FALLBACKS = {
    "seedream-5-lite": "seedream-4-5",
    "seedream-4-5": "seedream-4",
    "gemini-3-1-flash-lite-image": "gemini-3-1-flash-image",
    "seedance-v1-pro": "seedance-v1-5-pro",
    "seedance-v1-5-pro": "seedance-v1-pro",
}


@faulty("money", style="sdk-async", blocker=True)
class DoublesSlowOrders(SdkAsyncClient):
    """Orders a second time if no answer came in a tenth of the timeout, and pays for both."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        racing = {asyncio.ensure_future(super().attempt(method, url, body))}
        try:
            done, _ = await asyncio.wait(racing, timeout=max(self.timeout / 10, 1.0))
            if not done:
                racing.add(asyncio.ensure_future(super().attempt(method, url, body)))
                done, _ = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for runner in racing:
                runner.cancel()
            await asyncio.gather(*racing, return_exceptions=True)


@faulty("money", blocker=True)
class OrdersFallbackModelAfter500(HttpxClient):
    """Orders from another model after a 5xx, though the first order may be made and charged."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except ApiError as error:
            other = FALLBACKS.get(str(fields.get("model")))
            if (error.status_code or 0) < 500 or other is None:
                raise
        return super().submit(kind, shape, {**fields, "model": other})


@faulty("money", style="requests", program=True)
class CountsEdgeDaysTwice(StreamedRequestsClient):
    """Fetches costs in slices of 30 days that share a day, and counts that day's money twice."""

    step = timedelta(days=30)

    def instant(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())

    def joined(self, one: Any, next_one: Any) -> Any:
        total = round(one["total_cost"] + next_one["total_cost"], 9)
        days = one["data"] + next_one["data"]
        return {**one, "data": days, "end": next_one["end"], "total_cost": total}

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first, last = self.instant(start), self.instant(end)
        if last - first <= self.step:
            return super().costs(start, end)
        whole: Any = None
        while first < last:
            until = min(first + self.step, last)
            found = super().costs(first, until)
            whole = found if whole is None else self.joined(whole, found)
            first = until
        return whole


@faulty("outages", style="sdk-async", blocker=True)
class KeepsFailedCatalogue(SdkAsyncClient):
    """Shares one load of the catalogue among callers, and keeps it for ever once it has failed."""

    def prepare(self) -> None:
        self.loading: dict[str | None, asyncio.Future[Any]] = {}

    async def models(self, type: str | None = None) -> Any:
        ahead = self.loading.get(type)
        if ahead is not None and (found := await asyncio.shield(ahead)) is not None:
            return found
        mine = self.loading[type] = asyncio.get_running_loop().create_future()
        try:
            found = await super().models(type)
        except ClientError as error:
            mine.set_exception(error)
            mine.exception()
            raise
        except BaseException:
            self.loading.pop(type, None)
            mine.set_result(None)
            raise
        self.loading.pop(type, None)
        mine.set_result(found)
        return found


@faulty("outages", style="urllib3", program=True)
class RefusalsOpenItsBreaker(Urllib3Client):
    """Counts refusals such as 400 and 422 as outages: five wrong calls block the right ones."""

    def prepare(self) -> None:
        self.failures = 0
        self.shut_until = 0.0

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.shut_until:
            raise ApiError("The service seems down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= 5:
                self.failures, self.shut_until = 0, time.monotonic() + 30.0
            raise
        self.failures = 0
        return answer


@faulty("outages", style="aiohttp", program=True)
class NeverShortensPollPause(AiohttpClient):
    """Doubles the poll interval at each failed poll, without end, and never goes back to it."""

    async def poll(self, id: str) -> tuple[Any, float]:
        try:
            return await super().poll(id)
        except ClientError:
            self.poll_interval *= 2
            raise


@faulty("concurrency", style="httpx-async", blocker=True)
class JoinsOrdersOfSamePrompt(HttpxAsyncClient):
    """Joins orders under way that share a prompt, whatever else they ask: results are another's."""

    def prepare(self) -> None:
        self.under_way: dict[tuple[str, str], asyncio.Future[Any]] = {}

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        which = (kind, str(fields.get("prompt")))
        ahead = self.under_way.get(which)
        if ahead is not None and (found := await asyncio.shield(ahead)) is not None:
            return found
        mine = self.under_way[which] = asyncio.get_running_loop().create_future()
        made: Any = None
        try:
            made = await super().submit(kind, shape, fields)
            return made
        finally:
            mine.set_result(made)
            if self.under_way.get(which) is mine:
                del self.under_way[which]


@faulty("concurrency")
class TakesKeyOffDuringDownloads(HttpxClient):
    """Takes the key off the headers that all calls share while a file comes: others go without."""

    def prepare(self) -> None:
        self.shared = super().headers(None)

    def headers(self, body: bytes | None) -> dict[str, str]:
        typed = {"Content-Type": "application/json"} if body is not None else {}
        return {**self.shared, **typed}

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        key = self.shared.pop("Authorization", None)
        try:
            super().save(url, part, result)
        finally:
            if key is not None:
                self.shared["Authorization"] = key
