"""Good clients: how files are resumed, how orders connect and pause, when polls come."""

import random
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient


@enlist("requests", program=True)
class RequestsResumesSafely(StreamedRequestsClient):
    """requests; asks for the rest of a broken file, if a strong ETag proves that it is the same."""

    def prepare(self) -> None:
        self.tags: dict[str, str] = {}

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            self.persist(url, part, result)
        finally:
            self.tags.pop(part.name, None)

    def persist(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                self.save(url, part, result)
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

    def have(self, part: IO[bytes]) -> int:
        """Return how much of the file can be kept; what cannot is thrown away."""
        if part.name not in self.tags:
            part.seek(0)
            part.truncate()
        return part.tell()

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        sent, have = self.download_headers(), self.have(part)
        if have:
            sent |= {"Range": f"bytes={have}-", "If-Range": self.tags[part.name]}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            self.place(status, headers, part, have, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")

    def place(
        self, status: int, headers: dict[str, str], part: IO[bytes], have: int, result: Any
    ) -> None:
        """Make ready for what comes: the rest, or the whole file from its beginning."""
        if have and status in {206, 416}:
            said = headers.get("content-range", "")
            if status == 206 and said.startswith(f"bytes {have}-"):
                self.judge_file(200, headers, result)
                return
            del self.tags[part.name]
            raise ConnectionLost("The link answers with another range of the file.")
        self.judge_file(status, headers, result)
        self.tags.pop(part.name, None)
        part.seek(0)
        part.truncate()
        tag = headers.get("etag", "")
        if len(tag) > 1 and tag.startswith('"') and tag.endswith('"'):
            self.tags[part.name] = tag


@enlist("sdk-async")
class SdkAsyncStretchesPolls(SdkAsyncClient):
    """Polls up to a quarter later than the interval says, so that waits do not march in step."""

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1.0, 1.25))


@enlist("httpx-async")
class HttpxAsyncFreshOrders(HttpxAsyncClient):
    """Sends each order over a connection of its own, lest a stale one leave it in doubt."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        if body is None:
            async with super().open(method, url, body, headers, timeout) as opened:
                yield opened
            return
        single = HttpxAsyncClient(base_url=self.base_url, key=self.secret.reveal())
        sent = {**headers, "Connection": "close"}
        try:
            async with single.open(method, url, body, sent, timeout) as opened:
                yield opened
        finally:
            await single.aclose()


@enlist("stdlib", program=True)
class StdlibSharesPauses(StdlibClient):
    """Holds all orders of the client back for as long as one 429 asks, up to ten seconds."""

    longest_shared = 10.0

    def prepare(self) -> None:
        self.free_at = 0.0
        self.gate = threading.Lock()

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return super().attempt(method, url, body)
        with self.gate:
            rest = self.free_at - time.monotonic()
        if rest > 0:
            self.sleep(rest)
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            self.hold(error)
            raise

    def hold(self, error: ClientError) -> None:
        told = self.told(error.headers) if error.status_code == 429 else None
        if told is not None and told <= self.longest_shared:
            with self.gate:
                self.free_at = max(self.free_at, time.monotonic() + told)
