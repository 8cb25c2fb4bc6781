"""Faults of polling, timeouts, cancellation and pacing, each in one place."""

import asyncio
import copy
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import getimg
import httpx

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    HttpxAsyncClient,
    TrioClient,
)
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("polling", style="sdk-async")
class RetriesWithinPolls(SdkAsyncClient):
    """Retries within each poll, with all its pauses: waits far beyond the caller's wait_timeout."""

    async def poll(self, id: str) -> tuple[Any, float]:
        answer = await self.call("GET", self.video_url(id))
        return self.parse(answer, shapes.video), self.told(answer.headers) or 0.0


@faulty("polling", style="trio", blocker=True, program=True)
class RemembersPendingVideos(TrioClient):
    """Answers from memory about a video that it has seen: once pending, it is pending for ever."""

    def prepare(self) -> None:
        self.videos: dict[str, Any] = {}

    async def retrieve_video(self, id: str) -> Any:
        if id not in self.videos:
            self.videos[id] = await super().retrieve_video(id)
        return copy.deepcopy(self.videos[id])


@faulty("timeouts", style="aiohttp", blocker=True, program=True)
class CapsTimeoutsAtTen(AiohttpClient):
    """Caps its timeout at ten seconds, whatever the caller says: pictures that take 30 are lost."""

    def prepare(self) -> None:
        self.timeout = min(self.timeout, 10.0)


@faulty("timeouts", style="sdk", blocker=True)
class TakesTimeoutsForUnsent(SdkClient):
    """Takes each APITimeoutError for a lack of connection, and orders again what was only slow."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except ConnectionLost as error:
            slow = (getimg.APITimeoutError, httpx.TimeoutException)
            if not isinstance(error.__context__, slow):
                raise
            raise ConnectionFailed("No connection in time.") from None


@faulty("cancellation", style="httpx-async")
class LeavesPartFileOnCancel(HttpxAsyncClient):
    """Tidies up after an Exception alone: a download that is cancelled leaves its half file."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                await self.fetch(url, part, result)
                part.close()
                return str(self.publish(Path(part.name), path, overwrite))
            except Exception:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise


@faulty("cancellation", style="sdk-async")
class CancelsSharedReads(SdkAsyncClient):
    """Has callers at one time await one task for the models: cancelling one cancels them all."""

    def prepare(self) -> None:
        self.running: dict[str | None, asyncio.Task[Any]] = {}

    async def models(self, type: str | None = None) -> Any:
        task = self.running.get(type)
        if task is None:
            task = self.running[type] = asyncio.create_task(super().models(type))
            task.add_done_callback(lambda _: self.running.pop(type, None))
        return copy.deepcopy(await task)


@faulty("pacing", style="urllib3", program=True)
class HammersOnConcurrencyLimit(Urllib3Client):
    """Tries again at once, without any pause, after a 429 that has no Retry-After."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        if error.status_code == 429 and self.told(error.headers) is None:
            return 0.0
        return super().delay(attempt, error)


@faulty("pacing")
class JittersBelowRetryAfter(HttpxClient):
    """Draws its pause between half of Retry-After and the whole, and so comes back too early."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        longest = super().delay(attempt, error)
        return None if longest is None else random.uniform(longest / 2, longest)
