"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("polling", style="sdk", blocker=True)
class RemembersRetrievedVideos(SdkClient):
    """Keeps what it retrieved, pending videos too: who asks again never sees one complete."""

    def prepare(self) -> None:
        self.videos: dict[str, Any] = {}

    def retrieve_video(self, id: str) -> Any:
        if id not in self.videos:
            self.videos[id] = super().retrieve_video(id)
        return self.videos[id]


@faulty("polling", style="aiohttp", program=True)
class NeverForgetsFailedPolls(AiohttpClient):
    """Counts failed polls over its whole life, not in a row: after three, one 503 ends any wait."""

    def prepare(self) -> None:
        self.failed_polls = 0

    def survivable(self, error: ClientError, waited: float) -> bool:
        self.failed_polls += 1
        return self.failed_polls <= 3 and super().survivable(error, waited)


@faulty("timeouts", blocker=True)
class RoundsTimeoutDownToNone(HttpxClient):
    """Makes the timeout an integer: half a second becomes 0, which it takes for no timeout."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        whole: Any = int(timeout) or None
        with super().open(method, url, body, headers, whole) as opened:
            yield opened


@faulty("timeouts", style="httpx-async", blocker=True)
class KeepsFirstDeadline(HttpxAsyncClient):
    """Sets its deadline at the first request and never anew: when it is over, all requests fail."""

    def prepare(self) -> None:
        self.until: float | None = None

    def limit(self) -> AbstractAsyncContextManager[Any]:
        if self.until is None:
            self.until = asyncio.get_running_loop().time() + self.timeout
        return asyncio.timeout_at(self.until)


@faulty("cancellation", style="httpx-async", blocker=True)
class LosesSlotsOnCancel(HttpxAsyncClient):
    """Has four slots for orders, and gives that of a cancelled one never back: the fifth hangs."""

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


@faulty("cancellation", style="sdk-async")
class SharedReadDiesWithOneCaller(SdkAsyncClient):
    """Shares a read of the catalogue among callers: who cancels his cancels that of the others."""

    def prepare(self) -> None:
        self.reads: dict[str, asyncio.Task[Answer]] = {}

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if method != "GET" or not url.startswith(self.url("/v2/models")):
            return await super().call(method, url, body)
        if url not in self.reads:
            reading = asyncio.create_task(super().call(method, url))
            self.reads[url] = reading
            reading.add_done_callback(lambda _: self.reads.pop(url, None))
        return await self.reads[url]


@faulty("pacing", style="sdk-async")
class HoldsPollsForRateReset(SdkAsyncClient):
    """Rests till X-RateLimit-Reset once Remaining is 0, with polls too, which take none of it."""

    def prepare(self) -> None:
        self.rests_until = 0.0

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        await self.sleep(max(self.rests_until - time.monotonic(), 0))
        answer = await super().attempt(method, url, body)
        if answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            rest = min(self.reset(answer.headers) or 0.0, self.longest_told)
            self.rests_until = time.monotonic() + rest
        return answer


@faulty("pacing", style="urllib3", program=True)
class XorsItsBackoff(Urllib3Client):
    """Writes 2 ^ attempt for 2 ** attempt: the third try again follows without any wait."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        said = self.told(error.headers)
        if said is None and error.status_code == 429:
            said = self.reset(error.headers)
        if said is not None and said > self.longest_told:
            return None
        ceiling = min(self.longest_wait, self.first_wait * (2 ^ attempt))
        return max(said or 0.0, random.uniform(ceiling / 2, ceiling))
