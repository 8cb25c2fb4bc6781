"""Good clients of a ninth author: each makes a choice that is unusual, and legal."""

import random
import re
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import IO, Any

import aiohttp
import trio

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    HttpxAsyncClient,
    TrioClient,
)
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@enlist("httpx")
class HttpxResumesByIfRange(HttpxClient):
    """Resumes a broken file by Range and If-Range with a strong ETag, and else begins anew."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        seen: dict[str, str] = {}
        for tried in range(self.attempts()):
            try:
                self.take(url, part, result, seen)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                self.sleep(pause)
            else:
                return

    def take(self, url: str, part: IO[bytes], result: Any, seen: dict[str, str]) -> None:
        until = time.monotonic() + self.timeout
        sent, have = self.download_headers(), part.tell() if "etag" in seen else 0
        if have:
            sent |= {"Range": f"bytes={have}-", "If-Range": seen["etag"]}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            if have and status in {206, 416}:
                whole = self.whole(status, headers, have, seen)
                self.judge_file(200, headers, result)
            else:
                self.judge_file(status, headers, result)
                whole = None
                self.begin(part, headers, seen)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")
        if whole is not None and part.tell() != whole:
            raise ConnectionLost("The answer holds less than the rest of the file.")

    def begin(self, part: IO[bytes], headers: dict[str, str], seen: dict[str, str]) -> None:
        part.seek(0)
        part.truncate()
        seen.clear()
        if headers.get("etag", "").startswith('"'):
            seen["etag"] = headers["etag"]

    def whole(self, status: int, headers: dict[str, str], have: int, seen: dict[str, str]) -> int:
        """Return how long the file is whose rest this is; forget the part if it is not."""
        said = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("content-range", ""))
        same = headers.get("etag") == seen["etag"]
        if status != 206 or said is None or int(said.group(1)) != have or not same:
            seen.clear()
            raise ConnectionLost("The file cannot be resumed.")
        return int(said.group(2))


@enlist("httpx-async")
class HttpxAsyncLoosensPolls(HttpxAsyncClient):
    """Comes up to 0.3 s late to each poll, so that many programs do not poll in step."""

    async def pace(self) -> None:
        await self.sleep(random.uniform(0.0, 0.3))
        await super().pace()


@enlist("stdlib", program=True)
class StdlibAsksInUtc(StdlibClient):
    """http.client; sends the moments of costs in UTC with microseconds, whatever their zone was."""

    def moment(self, value: datetime | str) -> str:
        when = datetime.fromisoformat(super().moment(value).upper())
        return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@enlist("requests", program=True)
class RequestsSpacesOrders(StreamedRequestsClient):
    """requests; leaves 0.2 s between the orders of all threads, and lets reads pass freely."""

    def prepare(self) -> None:
        self.next_order = 0.0
        self.order_lock = threading.Lock()

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method == "POST":
            with self.order_lock:
                now = time.monotonic()
                mine = max(now, self.next_order)
                self.next_order = mine + 0.2
            self.sleep(mine - now)
        return super().attempt(method, url, body)


@enlist("urllib3", program=True)
class Urllib3CountsFilesFromOne(Urllib3Client):
    """urllib3; calls the files getimg-<id>-file1 and on, and refuses coded answers."""

    def file_name(self, result: Any, index: int) -> str:
        stem, _, kind = super().file_name(result, index).rpartition(".")
        return f"getimg-{stem.rpartition('-')[0]}-file{index + 1}.{kind}"

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened


@enlist("aiohttp", program=True)
class AiohttpForcesClose(AiohttpClient):
    """aiohttp with a connection for each request, and none that is kept; unpacks nothing."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(force_close=True),
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


@enlist("sdk-async")
class SdkAsyncTriplesPauses(SdkAsyncClient):
    """The asynchronous SDK; waits three times as long at each try, within 20 s, or as told."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        told = super().delay(attempt, error)
        if told is None:
            return None
        longest = min(0.6 * 3.0**attempt, 20.0)
        return max(told, random.uniform(0.7, 1.0) * longest)


@enlist("trio", program=True)
class TrioTwoFilesAtOnce(TrioClient):
    """httpx under trio; fetches two files at once at most, and lets others wait their turn."""

    def prepare(self) -> None:
        self.places = trio.CapacityLimiter(2)

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        async with self.places:
            await super().save(url, part, result)
