"""Clients with faults of polling, outages, cancellation, pacing and resources."""

import asyncio
import logging
import threading
import time
from typing import Any

import httpx

from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    AnyioClient,
    HttpxAsyncClient,
)
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

LOG = logging.getLogger("others.getimg")


@faulty("polling", style="httpx-async")
class AnythingButPendingIsDone(HttpxAsyncClient):
    """Returns a video whose status it does not know as if it were completed."""

    def ended(self, video: Any) -> bool:
        return super().ended(video) or video["status"] != "pending"


@faulty("polling", style="anyio")
class PollsFasterAndFaster(AnyioClient):
    """Halves its interval after each poll, down to a twentieth of a second, and never resets it."""

    poll_gap = 0.0

    async def poll(self, id: str) -> tuple[Any, float]:
        self.poll_interval = max(self.poll_interval / 2, 0.05)
        return await super().poll(id)


@faulty("polling", style="urllib3", program=True)
class CountsPollsAndNotSeconds(Urllib3Client):
    """Waits for a number of polls, not for a time: with slow answers a wait lasts many times so."""

    def wait(self, id: str) -> Any:
        try:
            return self.count_polls(id)
        except BaseException as error:
            self.name(error, id)
            raise

    def count_polls(self, id: str) -> Any:
        for _ in range(max(1, int(self.wait_timeout / max(self.poll_interval, 0.001)))):
            self.sleep(self.poll_interval)
            try:
                video, _told = self.poll(id)
            except ClientError as error:
                if not self.survivable(error, 0):
                    raise
                continue
            if self.ended(video):
                return video
        raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)


@faulty("outages")
class CountsAllOutagesTogether(HttpxClient):
    """Bears three polls that fail in the whole life of the client, not three in a row."""

    def prepare(self) -> None:
        self.outages = 0

    def survivable(self, error: ClientError, waited: float) -> bool:
        self.outages += 1
        return self.outages <= 3 and super().survivable(error, waited)


@faulty("outages")
class CircuitStaysOpen(HttpxClient):
    """After four failures in a row it sends nothing more, and never tries whether all is well."""

    def prepare(self) -> None:
        self.failures = 0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if self.failures >= 4:
            raise ConnectionFailed("The circuit is open: the API is down.")
        try:
            answer = super().attempt(method, url, body)
        except ClientError as error:
            down = not isinstance(error, ApiError) or (error.status_code or 0) >= 500
            self.failures = self.failures + 1 if down else 0
            raise
        self.failures = 0
        return answer


@faulty("outages", style="httpx-async")
class AnOutageIsAnEmptyCatalogue(HttpxAsyncClient):
    """Answers no models at all, and no error, while the API is down."""

    async def models(self, type: str | None = None) -> Any:
        try:
            return await super().models(type)
        except ClientError as error:
            if error.status_code is not None and error.status_code < 500:
                raise
            return []


@faulty("cancellation", style="httpx-async")
class CancelledWaitsGoOn(HttpxAsyncClient):
    """Takes the cancellation of its task for one more lost poll, and goes on polling."""

    async def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                LOG.info("interrupted, going on")

    async def poll(self, id: str) -> tuple[Any, float]:
        try:
            return await super().poll(id)
        except asyncio.CancelledError:
            raise ConnectionLost("The poll was interrupted.") from None


@faulty("cancellation", style="aiohttp", blocker=True, program=True)
class TimeoutsForgetTheVideo(AiohttpClient):
    """When the time for a wait is over, the id is in no error and no log: a paid video is lost."""

    def name(self, error: BaseException, id: str) -> None:
        """Leave nothing to the caller."""

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        except WaitTimeout:
            raise WaitTimeout("The generation took too long.") from None


@faulty("concurrency")
class RetryAfterTakenForMilliseconds(HttpxClient):
    """Reads `Retry-After` as milliseconds, and is back long before its time."""

    def told(self, headers: dict[str, str]) -> float | None:
        said = super().told(headers)
        return None if said is None else said / 1000


@faulty("concurrency", style="httpx-async", blocker=True)
class OneCurrentVideo(HttpxAsyncClient):
    """Keeps the id of the running video in the client: of two waits both get the second video."""

    current = ""

    async def wait(self, id: str) -> Any:
        self.current = id
        return await super().wait(id)

    async def poll(self, id: str) -> tuple[Any, float]:
        return await super().poll(self.current or id)


@faulty("resources")
class APoolForEachRequest(HttpxClient):
    """Makes a pool for each request and keeps it: the connections stay open with the client."""

    def prepare(self) -> None:
        self.pools: list[httpx.Client] = []

    @property
    def http(self) -> httpx.Client:
        self.pools.append(self.make_pool())
        return self.pools[-1]

    def close(self) -> None:
        for pool in self.pools:
            pool.close()


@faulty("resources")
class HeartbeatsOutliveTheWait(HttpxClient):
    """Starts a thread for each wait that tells of its progress, and ends none of them."""

    def beat(self, id: str) -> None:
        while True:
            time.sleep(5)
            LOG.debug("waiting for %s", id)

    def wait(self, id: str) -> Any:
        threading.Thread(target=self.beat, args=(id,), daemon=True).start()
        return super().wait(id)
