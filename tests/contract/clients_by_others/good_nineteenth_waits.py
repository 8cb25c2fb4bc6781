"""Good clients in further styles: each makes a choice of its own, and each choice is legal."""

import email.utils
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC
from typing import IO, Any

import aiohttp
import httpx

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@enlist("stdlib", program=True)
class StdlibDecorrelatedWaits(StdlibClient):
    """http.client; draws waits between the first and thrice the longest before, 30 s at most."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        asked = super().delay(attempt, error)
        if asked is None:
            return None
        ceiling = min(self.first_wait * 3 ** min(attempt + 1, 6), self.longest_wait)
        told = self.told(error.headers)
        if told is None and error.status_code == 429:
            told = self.reset(error.headers)
        return max(told or 0.0, random.uniform(self.first_wait, ceiling))


@enlist("httpx-async")
class HttpxAsyncTwoPools(HttpxAsyncClient):
    """Has a pool for orders and one for all else, so that slow orders hold up no poll or file."""

    orders: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        if method != "POST":
            async with super().open(method, url, body, headers, timeout) as opened:
                yield opened
            return
        async with self.ordering().open(method, url, body, headers, timeout) as opened:
            yield opened

    def ordering(self) -> HttpxAsyncClient:
        """Return a plain client over the pool for orders."""
        if self.orders is None:
            self.orders = self.make_pool()
        other = HttpxAsyncClient(base_url=self.base_url, key=self.secret.reveal())
        other.pool = self.orders
        return other

    async def aclose(self) -> None:
        await super().aclose()
        if self.orders is not None:
            await self.orders.aclose()


@enlist("httpx")
class HttpxDatesFiles(HttpxClient):
    """Gives a file the time of its Last-Modified, as `curl -R` does, where the server tells one."""

    def dated(self, said: str) -> float | None:
        try:
            when = email.utils.parsedate_to_datetime(said)
        except (ValueError, TypeError, OverflowError):
            return None
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")
        when = self.dated(headers.get("last-modified", ""))
        part.flush()
        if when is not None and 0 <= when < 2**32:
            os.utime(part.name, (when, when))


@enlist("urllib3", program=True)
class Urllib3SizesInNames(Urllib3Client):
    """urllib3; puts the size into a file's name, as id-0-2048x2048.jpg, where it is known."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def file_name(self, result: Any, index: int) -> str:
        name, item = super().file_name(result, index), result["data"][index]
        width, height = item.get("width"), item.get("height")
        if not (isinstance(width, (int, float)) and isinstance(height, (int, float))):
            return name
        stem, dot, end = name.rpartition(".")
        return f"{stem}-{width:.0f}x{height:.0f}{dot}{end}"


@enlist("sdk")
class SdkRetriesUntimelyReads(SdkClient):
    """The official SDK; a read is also tried again after 408 and 425, which ask for just that."""

    retried_reads = SdkClient.retried_reads | {408, 425}


@enlist("aiohttp", program=True)
class AiohttpAsksPastCaches(AiohttpClient):
    """aiohttp; asks with each read of the API that no cache on the way answers in its place."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        return sent if body is not None else {**sent, "Cache-Control": "no-cache"}

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)

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
