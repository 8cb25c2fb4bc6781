"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import contextlib
import functools
import random
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import getimg

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("polling", style="requests", blocker=True, program=True)
class WaitsForUsageOfVideos(StreamedRequestsClient):
    """Takes a video for done once it has usage, which is optional: others are polled to the end."""

    def ended(self, video: Any) -> bool:
        return super().ended(video) and bool(video.get("usage"))


@faulty("polling", blocker=True)
class RemembersVideosAsPending(HttpxClient):
    """Caches what it retrieved by id, pending ones too: a caller who polls never sees the end."""

    def prepare(self) -> None:
        self.recall = functools.lru_cache(maxsize=256)(super().retrieve_video)

    def retrieve_video(self, id: str) -> Any:
        return self.recall(id)


@faulty("timeouts", style="sdk")
class LeavesTimeoutToSdk(SdkClient):
    """Does not pass the caller's timeout to the SDK, which waits its own 300 s for an answer."""

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            max_retries=0,
            http_client=self.http,
        )


class TimeIsUp(Exception):
    """The time for a file is over."""


@faulty("timeouts", style="urllib3", blocker=True, program=True)
class KeepsFilesCutByTimeout(Urllib3Client):
    """Ends a file that drips in when its time is up, and hands out what has come as the whole."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with contextlib.suppress(TimeIsUp), opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise TimeIsUp


@faulty("cancellation", style="sdk-async", blocker=True)
class OrdersAgainWhenCancelled(SdkAsyncClient):
    """Takes a cancellation for a lack of connection: an order that is cancelled is sent again."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            return await super().exchange(method, url, body, headers)
        except asyncio.CancelledError:
            raise ConnectionFailed("The request was interrupted.") from None


@faulty("cancellation", style="httpx-async", blocker=True)
class ClosesPoolWhenCancelled(HttpxAsyncClient):
    """Closes its pool when one request is cancelled, which breaks all others and all later ones."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            return await super().exchange(method, url, body, headers)
        except asyncio.CancelledError:
            await self.aclose()
            raise


@faulty("cancellation", style="httpx-async")
class LeavesPartsWhenCancelled(HttpxAsyncClient):
    """Removes the half file after an Exception alone: each cancelled download leaves one behind."""

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


@faulty("pacing", style="requests", program=True)
class JittersRetryAfterDownwards(StreamedRequestsClient):
    """Draws its wait between zero and Retry-After, and so comes before it may."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        return None if pause is None else random.uniform(0, pause)


@faulty("pacing", style="aiohttp", program=True)
class KeepsBackoffOfPastCalls(AiohttpClient):
    """Doubles its wait at each failure of its life, without a reset: in the end it is an hour."""

    longest_wait = 3600.0

    def prepare(self) -> None:
        self.failures = 0

    def delay(self, attempt: int, error: ClientError) -> float | None:
        self.failures += 1
        return super().delay(self.failures - 1, error)
