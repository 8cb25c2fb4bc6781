"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import IO, Any, cast

import trio

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    HttpxAsyncClient,
    TrioClient,
)
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("cancellation", style="httpx-async", blocker=True)
class KeepsSlotWhenCancelled(HttpxAsyncClient):
    """Frees the slot of a failed request but not of a cancelled one: after four all calls hang."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(4)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        await self.slots.acquire()
        try:
            answer = await super().attempt(method, url, body)
        except Exception:
            self.slots.release()
            raise
        self.slots.release()
        return answer


@faulty("timeouts", style="urllib3", blocker=True, program=True)
class CutsOrdersAtThirtySeconds(Urllib3Client):
    """Waits thirty seconds at most, whatever the timeout given: slow paid pictures are lost."""

    longest_read = 30.0

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        bounded = min(timeout, self.longest_read)
        with super().open(method, url, body, headers, bounded) as opened:
            yield opened


@faulty("polling")
class CountsWaitsFromBirth(HttpxClient):
    """Fixes the deadline of waits when it is made: an older client gives up new videos at once."""

    def prepare(self) -> None:
        self.deadline = time.monotonic() + self.wait_timeout

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = self.poll_interval
        try:
            while True:
                left = self.deadline - time.monotonic()
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


@faulty("timeouts", style="trio", blocker=True, program=True)
class KeepsHalfFileAtTimeout(TrioClient):
    """Ends a slow download by move_on_after, which raises nothing: half a file is kept as whole."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with trio.move_on_after(self.timeout):
            async with opened as (status, headers, chunks):
                self.judge_file(status, headers, result)
                async for chunk in chunks:
                    part.write(chunk)


@faulty("timeouts", style="sdk", blocker=True)
class FetchesFilesUnbounded(SdkClient):
    """Fetches files without any timeout, as they may be large: one that stalls hangs for ever."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        unbounded: Any = None
        opened = self.open("GET", url, None, self.download_headers(), unbounded)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)


class WaitTimer:
    """Cancels the task after so many seconds, and makes a TimeoutError of that."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def __aenter__(self) -> None:
        self.task = cast("asyncio.Task[Any]", asyncio.current_task())
        loop = asyncio.get_running_loop()
        self.handle = loop.call_later(self.seconds, self.task.cancel)

    async def __aexit__(self, kind: type[BaseException] | None, *error: object) -> None:
        self.handle.cancel()
        if kind is asyncio.CancelledError:
            self.task.uncancel()
            raise TimeoutError


@faulty("cancellation", style="sdk-async")
class TakesCancelForTimeout(SdkAsyncClient):
    """Takes every cancel during a request for its own timeout: reads are sent again, not ended."""

    def limit(self) -> AbstractAsyncContextManager[Any]:
        return WaitTimer(self.timeout)


@faulty("pacing", style="requests", program=True)
class DrawsBelowRetryAfter(StreamedRequestsClient):
    """Draws its pause from nought to what Retry-After says, and so comes before the time told."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        longest = super().delay(attempt, error)
        return None if longest is None else random.uniform(0, longest)


@faulty("polling", style="aiohttp", program=True)
class RetriesInsideOfPolls(AiohttpClient):
    """Retries each poll within itself, with pauses that heed no deadline: waits last too long."""

    async def poll(self, id: str) -> tuple[Any, float]:
        answer = await self.call("GET", self.video_url(id))
        return self.parse(answer, shapes.video), self.told(answer.headers) or 0.0


@faulty("pacing", style="sdk-async")
class HoldsPollsByOrderLimit(SdkAsyncClient):
    """Polls no more until the reset when no order is left, though polls are not limited by it."""

    async def poll(self, id: str) -> tuple[Any, float]:
        answer = await self.attempt("GET", self.video_url(id), None)
        held = self.told(answer.headers) or 0.0
        if answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            held = max(held, self.reset(answer.headers) or 0.0)
        return self.parse(answer, shapes.video), held
