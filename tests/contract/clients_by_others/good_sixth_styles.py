"""Good clients in other styles: each makes a choice of its own, and each choice is legal."""

import asyncio
import os
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    HttpxAsyncClient,
    TrioClient,
)
from tests.contract.clients_by_others.errors import ApiError, ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

FIBONACCI = (1, 1, 2, 3, 5, 8, 13, 21)


@enlist("stdlib", program=True)
class StdlibFibonacci(StdlibClient):
    """http.client; waits between tries in Fibonacci's steps, or longer if the server says so."""

    first_wait = 0.0

    def delay(self, attempt: int, error: ClientError) -> float | None:
        told = super().delay(attempt, error)
        if told is None:
            return None
        return max(told, FIBONACCI[min(attempt, 7)] * random.uniform(1.0, 1.2))


@enlist("urllib3", program=True)
class Urllib3ClosesEachTime(Urllib3Client):
    """urllib3 with a new connection for each request, so that none is ever stale."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Connection": "close"}

    def download_headers(self) -> dict[str, str]:
        return {**super().download_headers(), "Connection": "close"}

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def close(self) -> None:
        self.manager.clear()


@enlist("aiohttp", program=True)
class AiohttpQuickKeepalive(AiohttpClient):
    """aiohttp with twenty connections that idle five seconds at most; unpacks nothing."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=20, keepalive_timeout=5.0),
            auto_decompress=False,
        )

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        async with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@enlist("trio", program=True)
class TrioWidensPolls(TrioClient):
    """Polls at the interval first, then at ever wider ones up to 30 s; keeps the deadline."""

    widest = 30.0

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
                step = max(min(step * 1.5, self.widest), self.poll_interval)
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


class KeyRefused(ApiError):
    """The key is missing, wrong or revoked."""


class OutOfCredit(ApiError):
    """The balance is too low."""


class RefusedByPolicy(ApiError):
    """The prompt or a reference failed the safety checks."""


class WrongRequest(ApiError):
    """A parameter is missing or has a value that is not supported."""


class TooFast(ApiError):
    """A rate limit is used up."""


KINDS: dict[str | None, type[ApiError]] = {
    "invalid_api_key": KeyRefused,
    "quota_exceeded": OutOfCredit,
    "content_policy_violation": RefusedByPolicy,
    "parameter_missing": WrongRequest,
    "invalid_parameter": WrongRequest,
    "rate_limit": TooFast,
}


@enlist("sdk")
class SdkSortedErrors(SdkClient):
    """The official SDK, with a class of its own for each documented code of an error."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        return KINDS.get(error.code, ApiError)(
            error.message,
            status_code=error.status_code,
            code=error.code,
            request_id=error.request_id,
            outcome_unknown=error.outcome_unknown,
            headers=error.headers,
        )


@enlist("requests", program=True)
class RequestsRetryBudget(StreamedRequestsClient):
    """requests; pays each new try from a budget of twenty, to which each success adds one."""

    full = 20

    def prepare(self) -> None:
        self.budget = self.full
        self.budget_lock = threading.Lock()

    def tries_again(self, method: str, error: ClientError) -> bool:
        if not super().tries_again(method, error):
            return False
        with self.budget_lock:
            if self.budget < 1:
                return False
            self.budget -= 1
        return True

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        answer = super().attempt(method, url, body)
        with self.budget_lock:
            self.budget = min(self.budget + 1, self.full)
        return answer


@enlist("httpx")
class HttpxDurableFiles(HttpxClient):
    """Has the disk confirm a file, and the folder its name, before it says that it is there."""

    def sync(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        self.sync(part)
        published = super().publish(part, path, overwrite)
        self.sync(published.parent)
        return published


@enlist("httpx-async")
class HttpxAsyncOrderSlots(HttpxAsyncClient):
    """Has four orders under way at most, as accounts have few slots; reads and polls need none."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(4)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        async with self.slots:
            return await super().attempt(method, url, body)
