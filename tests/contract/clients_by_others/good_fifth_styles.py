"""Good clients with habits of their own: pace, connections, headers, errors."""

import queue
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import httpx
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("httpx")
class HttpxSlowingPolls(HttpxClient):
    """Polls ever more slowly, to twice the interval; no connection is kept between requests."""

    def prepare(self) -> None:
        self.looks: dict[str, int] = {}

    def make_pool(self) -> httpx.Client:
        none_kept = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(follow_redirects=False, trust_env=False, limits=none_kept)

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Connection": "close", "Accept-Language": "en"}

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        finally:
            self.looks.pop(id, None)

    def poll(self, id: str) -> tuple[Any, float]:
        video, told = super().poll(id)
        looks = self.looks[id] = self.looks.get(id, 0) + 1
        return video, max(told, self.poll_interval * min(1 + looks / 5, 2))


class Refused(ApiError):
    """The API refused for good: to send the same again is of no use."""


class KeyRefused(Refused):
    """The key is wrong."""


class PurseEmpty(Refused):
    """The workspace has too little money."""


class PromptRefused(Refused):
    """The prompt or a reference failed the checks."""


class Unknown(Refused):
    """There is nothing by this name."""


class TooFast(ApiError):
    """A limit is reached; `retry_after` has the seconds, if the server told them."""

    retry_after: float | None = None


KINDS: dict[int, type[ApiError]] = {
    400: Refused,
    401: KeyRefused,
    402: PurseEmpty,
    404: Unknown,
    422: PromptRefused,
    429: TooFast,
}


@enlist("httpx-async")
class HttpxAsyncOwnErrors(HttpxAsyncClient):
    """Raises a class of its own for each refusal, and numbers its requests."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "X-Client-Request": uuid.uuid4().hex}

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        mine = KINDS.get(answer.status, ApiError)(
            error.message,
            status_code=error.status_code,
            code=error.code,
            request_id=error.request_id,
            outcome_unknown=error.outcome_unknown,
            headers=error.headers,
        )
        if isinstance(mine, TooFast):
            mine.retry_after = self.told(mine.headers)
        return mine


@enlist("threads")
class ThreadsWithFollower(HttpxClient):
    """Follows each video in a thread of its own, which ends with the call even when broken off."""

    def prepare(self) -> None:
        self.mine = threading.local()

    def sleep(self, seconds: float) -> None:
        quits: threading.Event = getattr(self.mine, "quits", None) or threading.Event()
        if quits.wait(seconds):
            raise ClientError("The wait was broken off.")

    def wait(self, id: str) -> Any:
        quits, seen = threading.Event(), queue.SimpleQueue[Any]()

        def follow() -> None:
            self.mine.quits = quits
            try:
                seen.put(super(ThreadsWithFollower, self).wait(id))
            except BaseException as error:
                seen.put(error)

        worker = threading.Thread(target=follow, name=f"follow-{id}", daemon=True)
        worker.start()
        try:
            outcome = seen.get()
        except BaseException as error:
            quits.set()
            self.name(error, id)
            raise
        worker.join()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


@enlist("requests", program=True)
class RequestsOneTry(StreamedRequestsClient):
    """Tries everything once, connects within three seconds, gives reads half a minute at most."""

    lacking = ("retries",)

    def attempts(self) -> int:
        return 1

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        silent = timeout if method == "POST" else min(timeout, 30.0)
        pair: Any = (min(timeout, 3.05), silent)
        with super().open(method, url, body, headers, pair) as opened:
            yield opened


@enlist("aiohttp", program=True)
class AiohttpSessionPerRequest(AiohttpClient):
    """Opens a session for each request, and closes it with its connection."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(force_close=True),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                ) as session,
                session.request(
                    method,
                    URL(url, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=timeout),
                ) as answer,
            ):
                got = {name.lower(): value for name, value in answer.headers.items()}
                self.plain(got)
                yield answer.status, got, answer.content.iter_any()
        except aiohttp.ClientConnectorError as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
