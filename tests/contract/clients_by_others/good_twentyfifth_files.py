"""Good clients that make unusual choices: resuming, fresh connections, slow polls, early waits."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered


@enlist("requests", program=True)
class ResumesUnchangedFiles(StreamedRequestsClient):
    """Resumes a broken download by Range and If-Range, and begins anew on any doubt."""

    def prepare(self) -> None:
        self.tags: dict[str, str] = {}

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
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
        finally:
            self.tags.pop(part.name, None)

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        headers, tag, held = self.download_headers(), self.tags.get(part.name), part.tell()
        if tag is not None and held:
            headers |= {"Range": f"bytes={held}-", "If-Range": tag}
        with self.open("GET", url, None, headers, self.timeout) as (status, got, chunks):
            if status in {206, 416} and "Range" in headers:
                self.judge_rest(status, got, part)
            else:
                self.judge_file(status, got, result)
                self.begin(got, part)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")

    def begin(self, got: dict[str, str], part: IO[bytes]) -> None:
        part.seek(0)
        part.truncate()
        self.tags.pop(part.name, None)
        if got.get("etag", "").startswith('"'):
            self.tags[part.name] = got["etag"]

    def judge_rest(self, status: int, got: dict[str, str], part: IO[bytes]) -> None:
        """Begin anew at the next try unless this is what lacks of the same file."""
        right = got.get("content-range", "").startswith(f"bytes {part.tell()}-")
        same = got.get("etag", self.tags[part.name]) == self.tags[part.name]
        if status != 206 or not right or not same:
            self.begin({}, part)
            raise ConnectionLost("The rest of the file was not given.")


@enlist("httpx")
class OrdersOnFreshConnections(HttpxClient):
    """Sends each order over a connection of its own, which cannot be stale; reads share some."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        if method != "POST":
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
            return
        sent = {**headers, "Connection": "close"}
        try:
            with (
                self.make_pool() as fresh,
                fresh.stream(method, url, content=body, headers=sent, timeout=timeout) as answer,
            ):
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@enlist("sdk-async")
class PollsLessOftenWithTime(SdkAsyncClient):
    """Lets a quarter more time pass after each poll, up to twice the interval."""

    def prepare(self) -> None:
        self.polls: dict[str, int] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        self.polls[id] = self.polls.get(id, 0) + 1
        video, told = await super().poll(id)
        return video, max(told, self.poll_interval * min(1 + (self.polls[id] - 1) / 4, 2))

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.polls.pop(id, None)


@enlist("aiohttp", program=True)
class WaitsForTheResetBeforeItOrders(AiohttpClient):
    """Holds an order back until the reset, at most a minute, once the headers say none is left."""

    def prepare(self) -> None:
        self.free_at: dict[str, float] = {}

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        held = self.free_at.get(url, 0.0) - time.monotonic()
        if held > 0:
            await self.sleep(held)
        answer = await super().attempt(method, url, body)
        told = self.reset(answer.headers)
        spent = answer.headers.get("x-ratelimit-remaining", "").strip() == "0"
        if spent and told is not None and told <= 60:
            self.free_at[url] = time.monotonic() + told
        return answer
