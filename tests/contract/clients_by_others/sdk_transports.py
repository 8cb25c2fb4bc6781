"""The official SDK as transport: its own retries off, its answers read as they come."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import getimg
import httpx

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered

RAW = {"X-Stainless-Raw-Response": "stream"}


def lost(error: getimg.APIConnectionError) -> ConnectionFailed | ConnectionLost:
    cause = error.__cause__
    if isinstance(cause, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return ConnectionFailed("No connection.")
    return ConnectionLost(f"The exchange broke: {type(cause).__name__}")


def options(body: bytes | None) -> Any:
    typed = {"Content-Type": "application/json"} if body is not None else {}
    return {"headers": {**RAW, **typed, "Accept-Encoding": "identity"}}


class SdkClient(HttpxClient):
    """The official SDK sends the calls of the API; files come over httpx."""

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            max_retries=0,
            timeout=self.timeout,
            http_client=self.http,
        )

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        if "Authorization" not in headers:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
            return
        sdk, sent = self.make_sdk(), options(body)
        try:
            answer: Any = (
                sdk.post(url, cast_to=httpx.Response, content=body, options=sent)
                if method == "POST"
                else sdk.get(url, cast_to=httpx.Response, options=sent)
            )
            try:
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
            finally:
                answer.close()
        except getimg.APIStatusError as error:
            got = error.response
            yield got.status_code, lowered(got.headers), iter([got.content])
        except getimg.APIConnectionError as error:
            raise lost(error) from None
        except httpx.HTTPError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


class SdkAsyncClient(HttpxAsyncClient):
    """The asynchronous SDK sends the calls of the API; files come over httpx."""

    def make_sdk(self) -> getimg.AsyncGetimgAI:
        return getimg.AsyncGetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            max_retries=0,
            timeout=self.timeout,
            http_client=self.http,
        )

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        if "Authorization" not in headers:
            async with super().open(method, url, body, headers, timeout) as opened:
                yield opened
            return
        sdk, sent = self.make_sdk(), options(body)
        try:
            answer: Any = await (
                sdk.post(url, cast_to=httpx.Response, content=body, options=sent)
                if method == "POST"
                else sdk.get(url, cast_to=httpx.Response, options=sent)
            )
            try:
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
            finally:
                await answer.aclose()
        except getimg.APIStatusError as error:
            got = error.response
            yield got.status_code, lowered(got.headers), one(got.content)
        except getimg.APIConnectionError as error:
            raise lost(error) from None
        except httpx.HTTPError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


async def one(content: bytes) -> AsyncIterator[bytes]:
    yield content
