"""Good clients with waits, sessions and bodies of their own; each choice is legal."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import Urllib3Client, lowered


@enlist("httpx-async")
class HttpxAsyncLastLook(HttpxAsyncClient):
    """Looks a last time at the deadline of a wait, for 5 s at most, before it gives up."""

    async def last_look(self, id: str, waited: float) -> Any:
        try:
            async with asyncio.timeout(5.0):
                await self.pace()
                video, _ = await self.poll(id)
        except TimeoutError:
            video = None
        except ClientError as error:
            if not self.survivable(error, waited):
                raise
            video = None
        if video is not None and self.ended(video):
            return video
        raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)

    async def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = self.poll_interval
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                await self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    if pause > self.poll_interval:  # the server wants no poll before
                        raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                    return await self.last_look(id, time.monotonic() - began)
                await self.pace()
                try:
                    video, told = await self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                else:
                    if self.ended(video):
                        return video
                pause = max(self.poll_interval, told)
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("requests", program=True)
class RequestsCountsFromPollStarts(StreamedRequestsClient):
    """Counts the interval from the start of one poll to that of the next, not from its answer."""

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        until, due = began + self.wait_timeout, began + self.poll_interval
        try:
            while True:
                self.sleep(max(min(due, until) - time.monotonic(), 0))
                if due >= until:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                started = time.monotonic()
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                else:
                    if self.ended(video):
                        return video
                rest = max(told, min(self.poll_interval, 1.0))
                due = max(started + self.poll_interval, time.monotonic() + rest)
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("aiohttp", program=True)
class AiohttpNewSessionPerRequest(AiohttpClient):
    """aiohttp with a session for each request, closed after it: nothing is left to close."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        try:
            async with (
                aiohttp.ClientSession(
                    cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
                ) as session,
                session.request(
                    method,
                    URL(url, encoded=True),
                    data=body,
                    headers={**headers, "Connection": "close"},
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=timeout),
                ) as answer,
            ):
                got = lowered(answer.headers)
                self.plain(got)
                yield answer.status, got, answer.content.iter_chunked(65536)
        except aiohttp.ClientConnectorError as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@enlist("urllib3", program=True)
class Urllib3RawUtf8(Urllib3Client):
    """Sends its JSON compact, with sorted names and as raw UTF-8 instead of escapes."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        text = json.dumps(
            kept, allow_nan=False, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        return text.encode("utf-8")

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened
