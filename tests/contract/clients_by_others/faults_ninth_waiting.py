"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    HttpxAsyncClient,
    TrioClient,
)
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("polling")
class SpinsWhilePollsFail(HttpxClient):
    """Polls again at once after a poll that failed: an outage is answered with a hail of polls."""

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = self.poll_interval
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                if pause:
                    self.pace()
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    pause = self.told(error.headers) or 0.0
                    continue
                if self.ended(video):
                    return video
                pause = max(self.poll_interval, told)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("polling", style="trio", program=True)
class CatchesUpOnMissedPolls(TrioClient):
    """Polls by a timetable, and after one slow poll sends all that it missed in a burst."""

    async def wait(self, id: str) -> Any:
        began = due = time.monotonic()
        told = 0.0
        try:
            while True:
                due += self.poll_interval
                left = began + self.wait_timeout - time.monotonic()
                pause = max(due - time.monotonic(), told, 0.0)
                await self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                if pause:
                    await self.pace()
                    due = max(due, time.monotonic())
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


@faulty("polling", style="urllib3", program=True)
class ReturnsPendingAtDeadline(Urllib3Client):
    """Returns a video that is still pending when its time is up, as if it were the result."""

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        except WaitTimeout:
            return {"id": id, "status": "pending"}


@faulty("timeouts", style="aiohttp", blocker=True, program=True)
class LetsTimeoutErrorsThrough(AiohttpClient):
    """Forgets that aiohttp's timeouts are no ClientError: an order ends in a bare TimeoutError."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        opened = self.open(method, url, body, headers, self.timeout)
        async with self.limit(), opened as (status, got, chunks):
            read = bytearray()
            async for chunk in chunks:
                read += chunk
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
            return Answer(status, got, bytes(read))


@faulty("timeouts", blocker=True)
class CountsTimeoutFromItsBirth(HttpxClient):
    """Sets the deadline when it is made, not at each call: once older, it can call no more."""

    def prepare(self) -> None:
        self.until = time.monotonic() + self.timeout

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        left = self.until - time.monotonic()
        if left <= 0:
            raise ConnectionFailed(f"There was no time left of {timeout} s.")
        with super().open(method, url, body, headers, left) as opened:
            yield opened


@faulty("cancellation", style="sdk-async", blocker=True)
class ForgetsIdOnCancel(SdkAsyncClient):
    """Names the video of a wait only to Exceptions: a cancelled one takes the paid id with it."""

    def name(self, error: BaseException, id: str) -> None:
        if isinstance(error, Exception):
            super().name(error, id)


@faulty("cancellation", style="httpx-async", blocker=True)
class CancelCutsOtherCalls(HttpxAsyncClient):
    """Closes the pool to stop a request that is cancelled, and so cuts all others under way."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            return await super().exchange(method, url, body, headers)
        except asyncio.CancelledError:
            await self.aclose()
            self.pool = None
            raise


@faulty("pacing", style="sdk", blocker=True)
class HoldsResultUntilReset(SdkClient):
    """Waits for X-RateLimit-Reset, however far, before it hands out a result that it has."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        answer = super().attempt(method, url, body)
        if method == "POST" and answer.headers.get("x-ratelimit-remaining") == "0":
            self.sleep(self.reset(answer.headers) or 0.0)
        return answer


@faulty("pacing", style="urllib3", program=True)
class SleepsNegativeTimes(Urllib3Client):
    """Sleeps until X-RateLimit-Reset without a look whether it has passed: a ValueError then."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        said = error.headers.get("x-ratelimit-reset", "")
        if error.status_code != 429 or self.told(error.headers) is not None or not said.isdigit():
            return super().delay(attempt, error)
        pause = int(said) - time.time()
        return pause if pause <= self.longest_told else None


@faulty("pacing", style="httpx-async")
class JittersRetryAfterDown(HttpxAsyncClient):
    """Spreads its tries over the time of Retry-After instead of after it: all come too early."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        told = self.told(error.headers)
        if told is None or told > self.longest_told:
            return super().delay(attempt, error)
        return random.uniform(0.2, 0.7) * told
