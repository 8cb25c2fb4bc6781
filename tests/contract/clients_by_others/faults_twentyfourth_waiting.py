"""Clients with one fault each: polling, timeouts and deadlines, cancellation, pacing."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from pathlib import Path
from typing import IO, Any

import aiohttp
import urllib3
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client, lowered

# polling


@faulty("polling", style="httpx-async", blocker=True)
class KeepsTheJobUnderWayOnTheClient(HttpxAsyncClient):
    """Polls the job it started last: of two waits at once, both return the same video."""

    job = ""

    async def wait(self, id: str) -> Any:
        self.job = id
        return await super().wait(id)

    async def poll(self, id: str) -> tuple[Any, float]:
        return await super().poll(self.job or id)


@faulty("polling", style="sdk")
class CountsBadPollsOverItsWholeLife(SdkClient):
    """Never resets its count of bad polls: hiccups hours apart end a wait for a paid video."""

    bad_polls = 0

    def survivable(self, error: ClientError, waited: float) -> bool:
        if not super().survivable(error, waited):
            return False
        self.bad_polls += 1
        return self.bad_polls <= self.max_retries


@faulty("polling", style="httpx")
class PollsAGoneVideoToTheDeadline(HttpxClient):
    """Takes every 404 for a video not there yet: a wrong id costs a wait of 15 minutes."""

    def survivable(self, error: ClientError, waited: float) -> bool:
        return error.status_code == 404 or super().survivable(error, waited)


# timeouts and deadlines


@faulty("timeouts and deadlines", style="urllib3", blocker=True, program=True)
class TakesAnyTimeoutForNoConnection(Urllib3Client):
    """Takes a read that timed out for a failed connect: slow orders are sent and paid again."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except ConnectionLost as error:
            if isinstance(error.__context__, urllib3.exceptions.TimeoutError):
                raise ConnectionFailed("No connection in time.") from None
            raise


@faulty("timeouts and deadlines", style="aiohttp", blocker=True, program=True)
class BoundsTheConnectAlone(AiohttpClient):
    """Its ClientTimeout has a connect and no total: a server that stalls hangs it for good."""

    def limit(self) -> AbstractAsyncContextManager[Any]:
        return nullcontext()

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        if self.session is None:
            self.session = self.make_session()
        try:
            async with self.session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(connect=timeout, sock_connect=timeout),
            ) as answer:
                chunks = answer.content.iter_chunked(65536)
                yield answer.status, lowered(answer.headers), chunks
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("timeouts and deadlines", style="httpx")
class AddsUpItsNapsForTheDeadline(HttpxClient):
    """Counts its pauses, not the clock: slow polls make a wait many times its deadline."""

    def wait(self, id: str) -> Any:
        try:
            return self.wait_by_naps(id)
        except BaseException as error:
            self.name(error, id)
            raise

    def wait_by_naps(self, id: str) -> Any:
        pause, waited = self.poll_interval, 0.0
        while True:
            nap = max(min(pause, self.wait_timeout - waited), 0)
            self.sleep(nap)
            waited += nap
            if waited >= self.wait_timeout:
                raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            self.pace()
            pause = self.poll_interval
            try:
                video, told = self.poll(id)
            except ClientError as error:
                if not self.survivable(error, waited):
                    raise
                pause = max(pause, self.told(error.headers) or 0.0)
                continue
            if self.ended(video):
                return video
            pause = max(pause, told)


# cancellation


@faulty("cancellation", style="sdk-async")
class ShieldsItsPollsFromCancellation(SdkAsyncClient):
    """Polls in a shielded task: after a cancelled wait it polls on, unseen, to the deadline."""

    async def wait(self, id: str) -> Any:
        polling = asyncio.ensure_future(super().wait(id))
        try:
            return await asyncio.shield(polling)
        except asyncio.CancelledError as error:
            self.name(error, id)
            raise


@faulty("cancellation", style="httpx-async", blocker=True)
class LeavesHalfAFileWhenCancelledAnew(HttpxAsyncClient):
    """Clears up after Exception alone: a cancelled download leaves half a file as the result."""

    def claim(self, path: Path) -> IO[bytes]:
        for tried in range(1000):
            free = path.with_stem(f"{path.stem}-{tried}") if tried else path
            try:
                return free.open("xb")
            except FileExistsError:
                continue
        raise DownloadFailed(f"There are too many files like {path.name}.")

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        if overwrite:
            return await super().download(
                result=result, directory=directory, index=index, overwrite=True
            )
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with self.claim(path) as file:
            try:
                await self.fetch(url, file, result)
            except Exception:
                Path(file.name).unlink(missing_ok=True)
                raise
        return file.name


# pacing and rate limits


@faulty("pacing and rate limits", style="httpx")
class JittersBelowRetryAfterAnew(HttpxClient):
    """Draws its pause from half of Retry-After up: it is back too early, and wastes its tries."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        if pause is None or not self.told(error.headers):
            return pause
        return random.uniform(pause / 2, pause)
