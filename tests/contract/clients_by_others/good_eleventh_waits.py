"""Good clients that bound, share or note their calls in ways of their own."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import getimg
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import Urllib3Client, lowered

if TYPE_CHECKING:
    import httpx

CALLS = logging.getLogger("others.getimg.calls")
DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)


@enlist("httpx-async")
class HttpxAsyncCutsLastPoll(HttpxAsyncClient):
    """Gives a poll no more time than its wait has left, so that no slow poll stretches a wait."""

    async def wait(self, id: str) -> Any:
        token = DEADLINE.set(time.monotonic() + self.wait_timeout)
        try:
            return await super().wait(id)
        finally:
            DEADLINE.reset(token)

    def limit(self) -> AbstractAsyncContextManager[Any]:
        left = max(DEADLINE.get() - time.monotonic(), 0.01)
        return asyncio.timeout(min(self.timeout, left))


@enlist("sdk")
class SdkKeepsOneObject(SdkClient):
    """Makes the SDK's object once for each pool, and sends all calls of all threads by it."""

    def prepare(self) -> None:
        self.made: tuple[httpx.Client, getimg.GetimgAI] | None = None

    def make_sdk(self) -> getimg.GetimgAI:
        pool, made = self.http, self.made
        if made is None or made[0] is not pool:
            made = self.made = (pool, super().make_sdk())
        return made[1]


@enlist("aiohttp", program=True)
class AiohttpSessionOfEachRequest(AiohttpClient):
    """Opens and closes a session of aiohttp for each request: it works in any loop, one or many."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        bound = aiohttp.ClientTimeout(total=timeout)
        try:
            async with (
                self.make_session() as session,
                session.request(
                    method,
                    URL(url, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=bound,
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
class Urllib3NotesEachCall(Urllib3Client):
    """Notes each call's method, path, status and time in its log; no key, query, body or link."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        began = time.monotonic()
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            if "Authorization" in headers:
                took = time.monotonic() - began
                CALLS.info("%s %s: %d in %.3f s", method, urlsplit(url).path, opened[0], took)
            yield opened
