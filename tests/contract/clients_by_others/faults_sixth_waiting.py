"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import contextlib
import http.client
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import trio
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened
from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    HttpxAsyncClient,
    TrioClient,
)
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered


@faulty("polling", style="sdk-async")
class CountsPollsForDeadline(SdkAsyncClient):
    """Bounds the wait by a number of polls, so that slow polls stretch it to many times as long."""

    async def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = self.poll_interval
        try:
            for _ in range(max(int(self.wait_timeout / max(self.poll_interval, 0.1)), 1)):
                await self.sleep(pause)
                await self.pace()
                pause = self.poll_interval
                try:
                    video, told = await self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    pause = max(pause, self.told(error.headers) or 0.0)
                    continue
                if self.ended(video):
                    return video
                pause = max(pause, told)
            raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("polling", blocker=True)
class RestartsDeadlineAtEachError(HttpxClient):
    """Begins the time for a wait anew at each poll that fails: in an outage it never ends."""

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        until = began + self.wait_timeout
        pause = self.poll_interval
        try:
            while True:
                left = until - time.monotonic()
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
                    until = time.monotonic() + self.wait_timeout
                    pause = max(pause, self.told(error.headers) or 0.0)
                    continue
                if self.ended(video):
                    return video
                pause = max(pause, told)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("polling", style="trio", blocker=True, program=True)
class TakesServerErrorForRetryable(TrioClient):
    """Takes a failed video of code server_error for retryable, and polls on."""

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed" and video["error"]["code"] == "server_error":
            return False
        return super().ended(video)


@faulty("timeouts", style="aiohttp", blocker=True, program=True)
class BoundsGapsNotAnswers(AiohttpClient):
    """Bounds the gap between two bytes alone: an answer that drips in is read without end."""

    def limit(self) -> AbstractAsyncContextManager[Any]:
        return contextlib.nullcontext()

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        if self.session is None:
            self.session = self.make_session()
        gaps = aiohttp.ClientTimeout(total=None, connect=timeout, sock_read=timeout)
        try:
            async with self.session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=gaps,
            ) as answer:
                chunks = answer.content.iter_chunked(65536)
                yield answer.status, lowered(answer.headers), chunks
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("timeouts", style="stdlib", blocker=True, program=True)
class TimesConnectingAlone(StdlibClient):
    """Uses the timeout for connecting alone, and waits for ever for a server that is silent."""

    def connect(self, url: str, timeout: float) -> http.client.HTTPConnection:
        line = super().connect(url, timeout)
        line.sock.settimeout(None)
        return line


@faulty("cancellation", style="httpx-async")
class PollsOnAfterCancel(HttpxAsyncClient):
    """Shields its waits, so that a cancelled one goes on polling in the background."""

    def prepare(self) -> None:
        self.waits: set[asyncio.Task[Any]] = set()

    async def wait(self, id: str) -> Any:
        waiting = asyncio.ensure_future(super().wait(id))
        self.waits.add(waiting)
        waiting.add_done_callback(self.waits.discard)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError as error:
            self.name(error, id)
            raise


@faulty("cancellation", style="sdk-async")
class CancelBecomesWaitTimeout(SdkAsyncClient):
    """Turns the CancelledError of a cancelled wait into an error of its own, so nothing cancels."""

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        except asyncio.CancelledError:
            raise WaitTimeout(f"Waiting for video {id} ended.", generation_id=id) from None


@faulty("cancellation", style="trio", blocker=True, program=True)
class ShieldsTrioWait(TrioClient):
    """Waits in a shielded scope of trio: who cancels it is held until the video ends."""

    async def wait(self, id: str) -> Any:
        with trio.CancelScope(shield=True):
            return await super().wait(id)


@faulty("pacing", style="sdk")
class ReadsRetryAfterAsMillis(SdkClient):
    """Reads Retry-After as milliseconds, as if it were the retry-after-ms that the SDK knows."""

    def told(self, headers: dict[str, str]) -> float | None:
        said = super().told(headers)
        if said is None or not headers["retry-after"].strip().isdigit():
            return said
        return said / 1000


@faulty("pacing", style="httpx-async", blocker=True)
class SleepsTillEpochSeconds(HttpxAsyncClient):
    """Takes X-RateLimit-Reset for a number of seconds to wait, and sleeps for half a century."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        said = error.headers.get("x-ratelimit-reset", "").strip()
        if error.status_code == 429 and self.told(error.headers) is None and said.isdigit():
            return float(said)
        return super().delay(attempt, error)
