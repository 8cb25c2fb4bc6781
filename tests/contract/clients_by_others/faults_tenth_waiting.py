"""Faults of polling, timeouts, cancellation and pacing, of the kinds that reviews let pass."""

import asyncio
import contextlib
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urljoin

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import PATHS, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("polling", blocker=True)
class PollsAtRootOfHost(HttpxClient):
    """Joins the path of a poll by urljoin, which drops the path of a base such as https://gw/x."""

    def video_url(self, id: str) -> str:
        return urljoin(self.base_url, f"{PATHS['video']}/{self.segment(id)}")


@faulty("polling", style="aiohttp", blocker=True, program=True)
class CachesRetrievedVideos(AiohttpClient):
    """Keeps the first answer about a video for ever: one seen pending is never seen completed."""

    def prepare(self) -> None:
        self.seen: dict[str, Any] = {}

    async def retrieve_video(self, id: str) -> Any:
        if id not in self.seen:
            self.seen[id] = await super().retrieve_video(id)
        return copy.deepcopy(self.seen[id])


@faulty("timeouts", style="requests", blocker=True, program=True)
class ReadsForTenSecondsAtMost(StreamedRequestsClient):
    """Caps the read timeout at 10 s, whatever is asked for: slower pictures are paid and lost."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, min(timeout, 10.0)) as opened:
            yield opened


@faulty("timeouts", style="urllib3", blocker=True, program=True)
class DownloadsWithoutTimeout(Urllib3Client):
    """Gives downloads no timeout at all: a link that falls silent holds the caller for ever."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        boundless: Any = None
        opened = self.open("GET", url, None, self.download_headers(), boundless)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)


@faulty("cancellation", style="httpx-async", blocker=True)
class SleepsThroughCancel(HttpxAsyncClient):
    """Suppresses CancelledError while it sleeps: an order cancelled between tries is still sent."""

    async def sleep(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await super().sleep(seconds)


@faulty("cancellation", style="sdk-async", blocker=True)
class NamesIdForExceptionsOnly(SdkAsyncClient):
    """Names the job of a stopped wait on `except Exception` alone: cancelled, its id is lost."""

    def name(self, error: BaseException, id: str) -> None:
        if isinstance(error, Exception):
            super().name(error, id)


@faulty("cancellation", style="httpx-async")
class CancelsSharedReaders(HttpxAsyncClient):
    """Shares one request among callers of models(): one who cancels cancels all the others' too."""

    def prepare(self) -> None:
        self.reading: dict[str | None, asyncio.Task[Any]] = {}

    async def models(self, type: str | None = None) -> Any:
        task = self.reading.get(type)
        if task is None:
            task = asyncio.ensure_future(super().models(type))
            self.reading[type] = task
            task.add_done_callback(lambda _: self.reading.pop(type, None))
        return copy.deepcopy(await task)


@faulty("pacing", style="sdk", blocker=True)
class CountsNoRateLimitTries(SdkClient):
    """Does not count a 429 among its tries: for as long as a limit lasts, the call never ends."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        tried = 0
        while True:
            try:
                return self.attempt(method, url, body)
            except ClientError as error:
                limited = error.status_code == 429
                spent = tried + 1 >= self.attempts() and not limited
                if spent or not self.tries_again(method, error):
                    raise
                pause = self.delay(tried, error)
                if pause is None:
                    raise
            tried += 0 if limited else 1
            self.sleep(pause)


@faulty("pacing")
class TakesZeroRetriesForUnset(HttpxClient):
    """Reads `max_retries or 3`, so that a caller who wants no retries at all gets three."""

    def prepare(self) -> None:
        self.max_retries = self.max_retries or 3
