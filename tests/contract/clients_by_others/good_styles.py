"""Good clients in five more styles: http.client, an adapter, places, a task group, a pool."""

import asyncio
import contextvars
import http.client
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import anyio
import requests
import urllib3
from requests.adapters import HTTPAdapter

from tests.contract.clients_by_others.async_transports import AiohttpClient, AnyioClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened, SyncFlow
from tests.contract.clients_by_others.sync_transports import HttpxClient, RequestsClient, lowered

LOG = logging.getLogger("others.getimg")


@dataclass(frozen=True)
class File:
    """A file of a generation."""

    url: str
    mime_type: str
    deletes_at: str


class Result(dict[str, Any]):
    """An object of the API with typed looks at what programs need most."""

    @property
    def id(self) -> str:
        return str(self["id"])

    @property
    def files(self) -> list[File]:
        found = self.get("data", [])
        return [File(each["url"], each["mime_type"], each["deletes_at"]) for each in found]


class StandardLibraryClient(SyncFlow):
    """http.client, a connection for each request; what was read is counted."""

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

    def connect(self, url: str, timeout: float) -> http.client.HTTPConnection:
        try:
            parts = urlsplit(url)
            secure = parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            connection = kind(parts.hostname or "", parts.port, timeout=timeout)
            connection.connect()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        return connection

    def ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        url: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, target, body=body, headers=headers)
            return connection.getresponse()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None

    def pieces(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        self.plain(lowered(answer.headers))
        try:
            while piece := answer.read1(65536):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
        self.check_end(answer)

    def check_end(self, answer: http.client.HTTPResponse) -> None:
        """Refuse an end before the end: `read1` does not tell."""
        if answer.length:
            raise ConnectionLost(f"The answer ended {answer.length} bytes too early.")

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        connection = self.connect(url, timeout)
        try:
            answer = self.ask(connection, method, url, body, headers)
            yield answer.status, lowered(answer.headers), self.pieces(answer)
        finally:
            connection.close()


@enlist("http.client", program=True)
class HttpClientTyped(StandardLibraryClient):
    """http.client alone; objects with an id have typed looks at it and at the files."""

    def unpack(self, body: bytes) -> Any:
        value = super().unpack(body)
        return Result(value) if isinstance(value, dict) and "id" in value else value


class BoundedAdapter(HTTPAdapter):
    """An adapter that never sends without a bound on its time, and never twice."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(pool_connections=2, pool_maxsize=8, max_retries=0)

    def send(  # noqa: PLR0917 - as the adapter of requests has it
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        read = timeout if timeout is not None else self.seconds
        bounds = (min(10.0, float(read)), float(read))
        return super().send(request, stream, bounds, verify, cert, proxies)


class SteadyRequestsClient(RequestsClient):
    """requests; the errors of urllib3 that a streamed body raises are errors of this client."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@enlist("requests", program=True)
class RequestsWithAdapter(SteadyRequestsClient):
    """requests with a mounted adapter: bounded connects and reads, pools of eight, no retries."""

    def session(self) -> requests.Session:
        fresh = getattr(self.threads, "session", None) is None
        session = super().session()
        if fresh:
            adapter = BoundedAdapter(self.timeout)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
        return session


@enlist("aiohttp", program=True)
class AiohttpWithPlaces(AiohttpClient):
    """aiohttp with at most four submissions at a time, and eight connections to a host."""

    places: asyncio.Semaphore | None = None

    def make_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit_per_host=8, ttl_dns_cache=60)
        jar = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(connector=connector, cookie_jar=jar)

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if self.places is None:
            self.places = asyncio.Semaphore(4)
        async with self.places:
            return await super().submit(kind, shape, fields)

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()


@enlist("anyio")
class AnyioTaskGroup(AnyioClient):
    """anyio: a wait runs in a task group, next to a task that writes its progress to the log."""

    async def report(self, id: str) -> None:
        began = anyio.current_time()
        while True:
            await anyio.sleep(30)
            LOG.debug("video %s pending for %d s", id, anyio.current_time() - began)

    async def wait(self, id: str) -> Any:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self.report, id)
                video = await super().wait(id)
                group.cancel_scope.cancel()
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        except BaseException as error:
            if not hasattr(error, "generation_id"):
                self.name(error, id)
            raise
        return video


STOP: contextvars.ContextVar[threading.Event] = contextvars.ContextVar("STOP")


@enlist("threads")
class ThreadPoolBatch(HttpxClient):
    """Submissions and waits are jobs of a pool of threads; an interrupt ends its own job."""

    def prepare(self) -> None:
        self.pools: dict[int, ThreadPoolExecutor] = {}
        self.start_lock = threading.Lock()

    @property
    def workers(self) -> ThreadPoolExecutor:
        with self.start_lock:
            if os.getpid() not in self.pools:
                self.pools = {os.getpid(): ThreadPoolExecutor(32, "getimg")}
            return self.pools[os.getpid()]

    def close(self) -> None:
        for workers in self.pools.values():
            workers.shutdown(wait=False, cancel_futures=True)
        super().close()

    def sleep(self, seconds: float) -> None:
        if STOP.get(threading.Event()).wait(seconds):
            raise ClientError("The call was interrupted.")

    def start(self, work: Callable[[], Any]) -> tuple[Future[Any], threading.Event]:
        stop = threading.Event()
        context = contextvars.copy_context()
        context.run(STOP.set, stop)
        return self.workers.submit(context.run, work), stop

    def aside(self, work: Callable[[], Any]) -> Any:
        job, stop = self.start(work)
        try:
            return job.result()
        except BaseException as error:
            if not job.done():
                stop.set()
                job.cancel()
                self.hand_over(job, error)
            raise

    def hand_over(self, job: Future[Any], error: BaseException) -> None:
        """Give the id of an interrupted job to the error of its caller."""
        try:
            inner = job.exception(timeout=5)
        except (TimeoutError, CancelledError):
            return
        if known := getattr(inner, "generation_id", None):
            error.generation_id = known  # type: ignore[attr-defined]
            error.add_note(f"generation: {known}")

    def generate_image(self, **fields: Any) -> Any:
        return self.aside(lambda: super(ThreadPoolBatch, self).generate_image(**fields))

    def submit_video(self, **fields: Any) -> Any:
        return self.aside(lambda: super(ThreadPoolBatch, self).submit_video(**fields))

    def wait(self, id: str) -> Any:
        return self.aside(lambda: super(ThreadPoolBatch, self).wait(id))
