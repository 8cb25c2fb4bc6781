"""Asynchronous transports: httpx, also under anyio and trio, and aiohttp."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import anyio
import httpx
import trio
from yarl import URL

from tests.contract.clients_by_others.async_flow import AsyncFlow, Opened
from tests.contract.clients_by_others.errors import ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.sync_transports import lowered


class HttpxAsyncClient(AsyncFlow):
    """httpx in asyncio; a deadline of asyncio bounds each request."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 3,
        wait_timeout: float = 900.0,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__(
            base_url=base_url,
            key=key,
            timeout=timeout,
            max_retries=max_retries,
            wait_timeout=wait_timeout,
            poll_interval=poll_interval,
        )
        self.pool: httpx.AsyncClient | None = None

    def make_pool(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(follow_redirects=False, trust_env=False)

    @property
    def http(self) -> httpx.AsyncClient:
        if self.pool is None:
            self.pool = self.make_pool()
        return self.pool

    async def aclose(self) -> None:
        if self.pool is not None:
            await self.pool.aclose()

    def chunks(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        self.plain(lowered(answer.headers))
        return answer.aiter_raw()

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        try:
            async with self.http.stream(
                method, url, content=body, headers=headers, timeout=timeout
            ) as answer:
                self.http.cookies.clear()
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


class Limit:
    """Ends its block after so many seconds: anyio's scope as an asynchronous block."""

    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __aenter__(self) -> None:
        self.scope.__enter__()

    async def __aexit__(self, *error: object) -> bool | None:
        try:
            ended: bool | None = self.scope.__exit__(*error)
        except trio.TooSlowError:
            raise TimeoutError from None
        return ended


class AnyioClient(HttpxAsyncClient):
    """httpx with anyio's sleep and deadlines."""

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def limit(self) -> AbstractAsyncContextManager[Any]:
        return Limit(anyio.fail_after(self.timeout))


class TrioClient(HttpxAsyncClient):
    """httpx with trio's sleep and deadlines."""

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)

    def limit(self) -> AbstractAsyncContextManager[Any]:
        return Limit(trio.fail_after(self.timeout))


class AiohttpClient(AsyncFlow):
    """aiohttp, a session without cookies."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 3,
        wait_timeout: float = 900.0,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__(
            base_url=base_url,
            key=key,
            timeout=timeout,
            max_retries=max_retries,
            wait_timeout=wait_timeout,
            poll_interval=poll_interval,
        )
        self.session: aiohttp.ClientSession | None = None

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        if self.session is None:
            self.session = self.make_session()
        try:
            async with self.session.request(
                method,
                URL(url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as answer:
                chunks = answer.content.iter_chunked(65536)
                yield answer.status, lowered(answer.headers), chunks
        except aiohttp.ClientConnectorError as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
