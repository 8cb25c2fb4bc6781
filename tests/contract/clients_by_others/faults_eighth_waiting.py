"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("polling", style="urllib3", program=True)
class RetriesInsidePolls(Urllib3Client):
    """Retries within each poll, waits of Retry-After and all, without a look at the deadline."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def poll(self, id: str) -> tuple[Any, float]:
        answer = self.call("GET", self.video_url(id))
        return self.parse(answer, shapes.video), self.told(answer.headers) or 0.0


@faulty("polling", style="aiohttp", program=True)
class DoublesPollsWithoutCap(AiohttpClient):
    """Doubles the pause after each poll without a cap: a video done long ago is told as pending."""

    async def wait(self, id: str) -> Any:
        began = time.monotonic()
        step = pause = self.poll_interval
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                await self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                await self.pace()
                step *= 2
                try:
                    video, told = await self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                else:
                    if self.ended(video):
                        return video
                pause = max(step, told)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("timeouts", style="urllib3", blocker=True, program=True)
class CapsTimeoutsAtThirty(Urllib3Client):
    """Gives up after 30 s whatever timeout it is given: a paid picture of 35 s is always lost."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, min(timeout, 30.0)) as opened:
            self.plain(opened[1])
            yield opened


@faulty("timeouts", style="httpx-async")
class LeavesTimedOutRequests(HttpxAsyncClient):
    """Bounds requests by asyncio.wait, which cancels nothing: those too slow go on for an hour."""

    longest = 3600.0

    async def read(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        opened = self.open(method, url, body, headers, self.longest)
        async with opened as (status, got, chunks):
            read = bytearray()
            async for chunk in chunks:
                read += chunk
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
            return Answer(status, got, bytes(read))

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        asked = asyncio.ensure_future(self.read(method, url, body, headers))
        try:
            done, _ = await asyncio.wait({asked}, timeout=self.timeout)
        except asyncio.CancelledError:
            asked.cancel()
            raise
        if not done:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.")
        return asked.result()


@faulty("cancellation", style="httpx-async", blocker=True)
class LosesSlotAtCancel(HttpxAsyncClient):
    """Gives back a slot for orders after errors, but not after a cancel: four, and all hang."""

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
class SwallowsCancelAtPoll(SdkAsyncClient):
    """Catches too much at a poll: a cancel that comes meanwhile is taken for a pending video."""

    async def poll(self, id: str) -> tuple[Any, float]:
        try:
            return await super().poll(id)
        except ClientError:
            raise
        except BaseException as error:
            LOG.warning("a poll of %s ended in %s", id, type(error).__name__)
            return {"id": id, "status": "pending"}, 0.0


@faulty("cancellation", style="sdk-async", blocker=True)
class ForgetsIdAtCancel(SdkAsyncClient):
    """Names the video for Exceptions alone: a cancelled wait neither tells nor logs the paid id."""

    def name(self, error: BaseException, id: str) -> None:
        if isinstance(error, Exception):
            super().name(error, id)


@faulty("pacing", blocker=True)
class LocksTwiceAt429(HttpxClient):
    """Holds its lock at a 429 and calls what takes the lock again: it hangs for ever."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        if pause is not None and error.status_code == 429:
            with self.lock:
                self.hold_off(pause)
        return pause

    def hold_off(self, seconds: float) -> None:
        """Have no wait of this client poll for so long."""
        with self.lock:
            self.next_poll = max(self.next_poll, time.monotonic() + seconds)


@faulty("pacing", style="sdk")
class RestsPollsAtUsedUpLimit(SdkClient):
    """Stops polls till X-RateLimit-Reset if none remain, though polls take nothing from limits."""

    def poll(self, id: str) -> tuple[Any, float]:
        answer = self.attempt("GET", self.video_url(id), None)
        pause = self.told(answer.headers) or 0.0
        if answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            pause = max(pause, self.reset(answer.headers) or 0.0)
        return self.parse(answer, shapes.video), pause
