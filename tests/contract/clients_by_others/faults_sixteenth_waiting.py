"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import urllib3

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import PATHS, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
    pieces,
)


@faulty("polling", style="httpx-async", blocker=True)
class SleepsPastDeadlineWhenTold(HttpxAsyncClient):
    """Sleeps as long as a poll's Retry-After says, an hour or a day, whatever wait_timeout is."""

    async def poll(self, id: str) -> tuple[Any, float]:
        try:
            video, told = await super().poll(id)
        except ClientError as error:
            await self.sleep(self.told(error.headers) or 0.0)
            error.headers.pop("retry-after", None)
            raise
        if video["status"] == "pending":
            await self.sleep(told)
        return video, 0.0


@faulty("polling", style="sdk")
class HoldsPollsForOrderLimit(SdkClient):
    """Does not poll until X-RateLimit-Reset when no order is left, though polls are not limited."""

    def poll(self, id: str) -> tuple[Any, float]:
        answer = self.attempt("GET", self.video_url(id), None)
        told = self.told(answer.headers) or 0.0
        if answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            told = max(told, self.reset(answer.headers) or 0.0)
        return self.parse(answer, shapes.video), told


@faulty("timeouts")
class BoundsPollsByInterval(HttpxClient):
    """Gives a poll only until the next is due, not the caller's timeout: slow ones all fail."""

    def open(  # type: ignore[override]
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AbstractContextManager[Opened]:
        if method == "GET" and url.startswith(self.url(PATHS["video"])):
            timeout = min(timeout, max(self.poll_interval, 1.0))
        return super().open(method, url, body, headers, timeout)


@faulty("timeouts", style="requests", blocker=True, program=True)
class CapsReadsAtTwentySeconds(StreamedRequestsClient):
    """Caps the timeout at 20 s whatever is asked for: pictures, which take 25 to 35 s, are lost."""

    def open(  # type: ignore[override]
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AbstractContextManager[Opened]:
        return super().open(method, url, body, headers, min(timeout, 20.0))


@faulty("cancellation", style="httpx-async", blocker=True)
class SlotIsLostAtCancel(HttpxAsyncClient):
    """Never gives back the slot of a call that is cancelled: after four of them, all calls hang."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(4)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        await self.slots.acquire()
        try:
            answer = await super().attempt(method, url, body)
        except ClientError:
            self.slots.release()
            raise
        self.slots.release()
        return answer


@faulty("cancellation", style="sdk-async", blocker=True)
class ClosesPoolAtCancel(SdkAsyncClient):
    """Closes the pool when one call is cancelled: other orders under way lose their answers."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            return await super().exchange(method, url, body, headers)
        except asyncio.CancelledError:
            spoilt, self.pool = self.pool, None
            if spoilt is not None:
                await spoilt.aclose()
            raise


@faulty("pacing", style="aiohttp", program=True)
class JittersUnderRetryAfter(AiohttpClient):
    """Draws its wait between nothing and Retry-After, and so comes back before it may."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        if pause is None or self.told(error.headers) is None:
            return pause
        return random.uniform(0, pause)


@faulty("pacing", style="urllib3", program=True)
class KnowsRetryAfterInOneCase(Urllib3Client):
    """Knows Retry-After in that spelling alone: as retry-after, the server's word is not heard."""

    def seen(self, answer: Any) -> dict[str, str]:
        names = dict(answer.headers.items())
        got = lowered(names)
        if "Retry-After" not in names:
            got.pop("retry-after", None)
        return got

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            answer = self.manager.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            whole = False
            try:
                got = self.seen(answer)
                self.plain(got)
                yield answer.status, got, pieces(answer)
                whole = True
            finally:
                if not whole:
                    answer.close()
                answer.release_conn()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            raise ConnectionFailed("No connection.") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
