"""Good clients of other styles."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import IO, Any

import aiohttp
import anyio
import requests
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from requests.adapters import HTTPAdapter

from tests.contract.clients_by_others.async_flow import Opened
from tests.contract.clients_by_others.async_transports import AiohttpClient, AnyioClient
from tests.contract.clients_by_others.errors import ConnectionLost
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("http.client", program=True)
class StdlibOnly(StdlibClient):
    """http.client and nothing else: a connection for each request, and each body counted."""


class FirmAdapter(HTTPAdapter):
    """Waits at most 10 seconds for a connection, and never sends a second time."""

    def __init__(self) -> None:
        super().__init__(pool_connections=2, pool_maxsize=4, max_retries=0, pool_block=True)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        *options: Any,
        **named: Any,
    ) -> requests.Response:
        waits = (min(timeout or 10.0, 10.0), timeout)
        return super().send(request, stream, waits, *options, **named)


@enlist("requests", program=True)
class RequestsAdapter(StreamedRequestsClient):
    """requests with an adapter of its own: short waits for a connection, a small pool."""

    def session(self) -> requests.Session:
        session = super().session()
        if not isinstance(session.get_adapter("http://"), FirmAdapter):
            session.mount("http://", FirmAdapter())
            session.mount("https://", FirmAdapter())
        return session


@enlist("aiohttp", program=True)
class AiohttpGate(AiohttpClient):
    """aiohttp behind a gate: no more than four exchanges at once, and few connections."""

    def prepare(self) -> None:
        self.gate = asyncio.Semaphore(4)

    def make_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=4, keepalive_timeout=15)
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), connector=connector)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        async with self.gate:
            return await super().attempt(method, url, body)

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        async with self.gate:
            await super().save(url, part, result)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        async with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened


@enlist("anyio")
class AnyioGroup(AnyioClient):
    """Downloads with two tasks of a group: one receives, and one writes what comes."""

    async def write(self, pieces: MemoryObjectReceiveStream[bytes], part: IO[bytes]) -> None:
        async with pieces:
            async for piece in pieces:
                part.write(piece)

    async def receive(self, url: str, out: MemoryObjectSendStream[bytes], result: Any) -> None:
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        try:
            async with out, self.limit(), opened as (status, headers, chunks):
                self.judge_file(status, headers, result)
                async for chunk in chunks:
                    await out.send(chunk)
        except TimeoutError:
            raise ConnectionLost(f"The file did not come in {self.timeout} s.") from None

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        out, pieces = anyio.create_memory_object_stream[bytes](4)
        try:
            async with pieces, out, anyio.create_task_group() as group:
                group.start_soon(self.write, pieces, part)
                await self.receive(url, out, result)
        except ExceptionGroup as error:
            raise error.exceptions[0] from None


@enlist("threads")
class PoolBatch(HttpxClient):
    """Does its work in a pool of four threads; `batch` gives it many orders in one call."""

    def prepare(self) -> None:
        self.start_workers()

    def start_workers(self) -> None:
        self.workers = ThreadPoolExecutor(4, thread_name_prefix="getimg")
        self.workers_of = os.getpid()

    def close(self) -> None:
        self.workers.shutdown(wait=True, cancel_futures=True)
        super().close()

    def hand_over(self, work: Callable[..., Any], fields: dict[str, Any]) -> Future[Any]:
        if self.workers_of != os.getpid():  # threads do not come along in a fork
            self.start_workers()
        return self.workers.submit(work, **fields)

    def aside(self, work: Callable[..., Any], **fields: Any) -> Any:
        return self.hand_over(work, fields).result()

    def generate_image(self, **fields: Any) -> Any:
        return self.aside(super().generate_image, **fields)

    def submit_video(self, **fields: Any) -> Any:
        return self.aside(super().submit_video, **fields)

    def download(self, **fields: Any) -> Any:
        return self.aside(super().download, **fields)

    def batch(self, orders: list[dict[str, Any]]) -> list[Any]:
        """Return the pictures of the orders, in their order."""
        work = super().generate_image
        todo = [self.hand_over(work, order) for order in orders]
        return [each.result() for each in todo]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a generation used."""

    total_cost: float
    billable_unit: str
    unit_price: float
    quantity: float


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a generation; what the API says besides is kept in `more`."""

    url: str
    mime_type: str
    deletes_at: str
    more: dict[str, Any]

    @classmethod
    def read(cls, item: dict[str, Any]) -> "File":
        rest = dict(item)
        named = {name: rest.pop(name) for name in ("url", "mime_type", "deletes_at")}
        return cls(**named, more=rest)

    def plain(self) -> dict[str, Any]:
        known = asdict(self)
        return {**known.pop("more"), **known}


@dataclass(frozen=True, kw_only=True)
class Generation:
    """A completed generation as values with types."""

    id: str
    status: str
    model: str
    files: tuple[File, ...]
    usage: Usage | None
    more: dict[str, Any]

    @classmethod
    def read(cls, value: dict[str, Any]) -> "Generation":
        rest = dict(value)
        used = rest.pop("usage", None)
        kept = {name: used[name] for name in Usage.__dataclass_fields__} if used else None
        return cls(
            id=rest.pop("id"),
            status=rest.pop("status"),
            model=rest.pop("model"),
            files=tuple(File.read(item) for item in rest.pop("data")),
            usage=Usage(**kept) if kept else None,
            more=rest,
        )

    def plain(self) -> dict[str, Any]:
        """Return the generation as the API shows it."""
        used = {"usage": asdict(self.usage)} if self.usage else {}
        named = {"id": self.id, "status": self.status, "model": self.model}
        return {**self.more, **named, "data": [file.plain() for file in self.files], **used}


@enlist("httpx")
class DataclassResults(HttpxClient):
    """Reads completed generations into frozen dataclasses, and hands those out as plain values."""

    def typed_image(self, **fields: Any) -> Generation:
        return Generation.read(super().generate_image(**fields))

    def typed_video(self, **fields: Any) -> Generation:
        return Generation.read(super().generate_video(**fields))

    def generate_image(self, **fields: Any) -> Any:
        return self.typed_image(**fields).plain()

    def generate_video(self, **fields: Any) -> Any:
        return self.typed_video(**fields).plain()
