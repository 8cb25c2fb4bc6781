"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

# polling


@faulty("polling", style="sdk", blocker=True)
class MemoizesPendingVideos(SdkClient):
    """Memoizes retrieve_video by id: who saw a pending video once never sees it completed."""

    def prepare(self) -> None:
        self.seen: dict[str, Any] = {}

    def retrieve_video(self, id: str) -> Any:
        if id not in self.seen:
            self.seen[id] = super().retrieve_video(id)
        return self.seen[id]


@faulty("polling", style="stdlib", program=True)
class CrashesAfterSlowPoll(StdlibClient):
    """Sleeps up to the next tick of a schedule: a poll slower than the interval is a ValueError."""

    def wait(self, id: str) -> Any:
        began = due = time.monotonic()
        until, every = began + self.wait_timeout, max(self.poll_interval, self.poll_gap)
        try:
            while True:
                due += every
                self.sleep(min(due, until) - time.monotonic())
                if due >= until:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                else:
                    if self.ended(video):
                        return video
                due += max(told - every, 0.0)
        except BaseException as error:
            self.name(error, id)
            raise


# timeouts


@faulty("timeouts", style="httpx", blocker=True)
class LeavesTimeoutToHttpxToo(HttpxClient):
    """Does not pass its timeout on, and httpx's own is 5 s: a picture that takes 30 s is lost."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        unset: Any = httpx.USE_CLIENT_DEFAULT
        with super().open(method, url, body, headers, unset) as opened:
            yield opened


@faulty("timeouts", style="urllib3", blocker=True, program=True)
class CountsWaitFromConstruction(Urllib3Client):
    """Sets the deadline of waits when it is made: an old client gives up paid videos at once."""

    def prepare(self) -> None:
        self.until = time.monotonic() + self.wait_timeout

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = self.poll_interval
        try:
            while True:
                left = self.until - time.monotonic()
                self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                pause = self.poll_interval
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    pause = max(pause, self.told(error.headers) or 0.0)
                    continue
                if self.ended(video):
                    return video
                pause = max(pause, told)
        except BaseException as error:
            self.name(error, id)
            raise


# cancellation


@faulty("cancellation", style="httpx-async", blocker=True)
class LosesSlotWhenCancelled(HttpxAsyncClient):
    """Gives its slot back after errors but not when cancelled: then new orders wait for ever."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(2)

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


@faulty("cancellation", style="sdk-async", blocker=True)
class CancelledVideoLosesId(SdkAsyncClient):
    """Names the id on an Exception alone: who cancels generate_video never learns what he paid."""

    def name(self, error: BaseException, id: str) -> None:
        if isinstance(error, Exception):
            super().name(error, id)


@faulty("cancellation", style="sdk-async", blocker=True)
class ClosesPoolWhenCancelledToo(SdkAsyncClient):
    """Cleans up after a cancelled call by closing the pool, under all other calls on their way."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return await super().attempt(method, url, body)
        except asyncio.CancelledError:
            await self.aclose()
            raise


# pacing


@faulty("pacing", style="httpx")
class JittersBelowRetryAfterToo(HttpxClient):
    """Puts full jitter over the time that Retry-After asks for, and so comes again too early."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        if pause is None or self.told(error.headers) is None:
            return pause
        return random.uniform(0.0, pause)


@faulty("pacing", style="requests", blocker=True, program=True)
class TakesLastSlotForRefusal(StreamedRequestsClient):
    """Takes X-RateLimit-Remaining: 0 on a success for a 429, and orders and pays once more."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        answer = super().attempt(method, url, body)
        if method == "POST" and answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            raise ApiError(
                "The rate limit is used up.",
                status_code=429,
                code="rate_limit",
                headers=answer.headers,
            )
        return answer
