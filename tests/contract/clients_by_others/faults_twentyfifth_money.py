"""Faults in money, outages and concurrency."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered


def broken(error: ClientError) -> bool:
    """Say whether the service is down, rather than the request wrong."""
    lost = isinstance(error, (ConnectionFailed, ConnectionLost))
    return lost or (error.status_code or 0) >= 500


@faulty("money", style="httpx", blocker=True)
class TakesALostAnswerForAStaleConnection(HttpxClient):
    """Counts a server that hung up as an old idle connection: a charged order is sent again."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with self.http.stream(
                method, url, content=body, headers=headers, timeout=timeout
            ) as answer:
                self.http.cookies.clear()
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            raise ConnectionFailed(f"Stale connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("money", style="sdk", blocker=True)
class OrdersAgainWhenAFreshIdIsUnknown(SdkClient):
    """Takes a 404 on a fresh id for a lost order and places another: two videos are charged."""

    patience = 0.0

    def generate_video(self, **fields: Any) -> Any:
        try:
            return super().generate_video(**fields)
        except ApiError as error:
            if error.status_code != 404 or error.generation_id is None:
                raise
            LOG.warning("video %s was lost by the server: ordered again", error.generation_id)
            return super().generate_video(**fields)


@faulty("money", style="httpx")
class CountsTheDaysBetweenMonthsTwice(HttpxClient):
    """Asks costs by 30 days that share a day, as ends are inclusive: that day counts twice."""

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first = datetime.fromisoformat(self.moment(start).upper())
        last = datetime.fromisoformat(self.moment(end).upper())
        if not timedelta(days=30) < last - first <= timedelta(days=180):
            return super().costs(start, end)
        pages = []
        while first < last:
            until = min(first + timedelta(days=30), last)
            pages.append(super().costs(first, until))
            first = until
        return {
            "currency": pages[0]["currency"],
            "data": [day for page in pages for day in page["data"]],
            "start": pages[0]["start"],
            "end": pages[-1]["end"],
            "total_cost": round(sum(page["total_cost"] for page in pages), 6),
        }


@faulty("outages", style="httpx", blocker=True)
class HoldsItsBreakerOpenByItself(HttpxClient):
    """Counts its breaker's refusals as failures: after an outage no poll goes out any more."""

    threshold = 3
    rest = 30.0

    def prepare(self) -> None:
        self.failures = 0
        self.failed_at = 0.0

    def check(self) -> None:
        """Refuse while the service rests; after that one request may try."""
        resting = time.monotonic() < self.failed_at + self.rest
        if self.failures >= self.threshold and resting:
            raise ConnectionFailed("The service is down; nothing was sent.")

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            self.check()
            answer = super().attempt(method, url, body)
        except ClientError as error:
            if broken(error):
                self.failures += 1
                self.failed_at = time.monotonic()
            raise
        self.failures = 0
        return answer


@faulty("outages", style="aiohttp", program=True)
class SpendsItsRetriesOnceForAll(AiohttpClient):
    """Never refills its budget of retries: after a few bad moments each hiccup is an error."""

    def prepare(self) -> None:
        self.budget = self.max_retries

    def tries_again(self, method: str, error: ClientError) -> bool:
        if self.budget <= 0 or not super().tries_again(method, error):
            return False
        self.budget -= 1
        return True


@faulty("outages", style="httpx-async")
class AnswersOutagesFromMemory(HttpxAsyncClient):
    """Gives the last balance, costs or models when the API is down: stale, and not said so."""

    def prepare(self) -> None:
        self.seen: dict[str, Answer] = {}

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if method != "GET" or "/v2/videos/" in url:
            return await super().call(method, url, body)
        try:
            answer = await super().call(method, url, body)
        except ClientError as error:
            if url not in self.seen or not broken(error):
                raise
            LOG.debug("the API is down: %s", error)
            return self.seen[url]
        if len(self.seen) >= 100:
            self.seen.clear()
        self.seen[url] = answer
        return answer


@faulty("concurrency", style="httpx-async", blocker=True)
class PollsTheLatestJobOnly(HttpxAsyncClient):
    """Keeps the address to poll in the client: two waits at once give the same video."""

    def prepare(self) -> None:
        self.job_url = ""

    async def wait(self, id: str) -> Any:
        self.job_url = self.video_url(id)
        return await super().wait(id)

    async def poll(self, id: str) -> tuple[Any, float]:
        answer = await self.attempt("GET", self.job_url, None)
        return self.parse(answer, shapes.video), self.told(answer.headers) or 0.0


@faulty("concurrency", style="sdk-async", blocker=True)
class FreesSlotsOnlyInItsOwnWait(SdkAsyncClient):
    """Frees a video's slot when its wait ends: the fourth video without a wait hangs for good."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(3)

    async def submit_video(self, **fields: Any) -> Any:
        await self.slots.acquire()
        try:
            return await super().submit_video(**fields)
        except BaseException:
            self.slots.release()
            raise

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.slots.release()
