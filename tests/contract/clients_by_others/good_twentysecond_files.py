"""Good clients in other styles: each makes a choice of its own, and each choice is legal."""

import asyncio
import base64
import hashlib
import http.client
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import IO, Any
from urllib.parse import urlsplit

import aiohttp

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import BadAnswer, ClientError, ConnectionLost
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@enlist("httpx")
class HttpxRevalidatesCatalogue(HttpxClient):
    """Asks for the models by If-None-Match, and takes a 304 for the list that it has already."""

    def prepare(self) -> None:
        self.kept: dict[str, Answer] = {}

    def keep(self, url: str, answer: Answer) -> None:
        self.kept.pop(url, None)
        if answer.headers.get("etag") and len(self.kept) < 16:
            with suppress(BadAnswer):
                self.parse(answer, shapes.MODELS)
                self.kept[url] = answer

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        if method != "GET" or not urlsplit(url).path.endswith("/v2/models"):
            return super().exchange(method, url, body, headers)
        known = self.kept.get(url)
        asked = {**headers, "If-None-Match": known.headers["etag"]} if known else headers
        answer = super().exchange(method, url, body, asked)
        if known and answer.status == 304:
            return known
        if answer.status == 200:
            self.keep(url, answer)
        return answer


@enlist("urllib3", program=True)
class Urllib3ProvesDigests(Urllib3Client):
    """urllib3; where a file comes with its SHA-256 (RFC 9530), fetches again what differs."""

    def promised(self, headers: dict[str, str]) -> bytes | None:
        said = headers.get("repr-digest") or headers.get("content-digest") or ""
        found = re.search(r"(?:^|[,\s])sha-256=:([A-Za-z0-9+/]{43}=):", said)
        return base64.b64decode(found.group(1)) if found else None

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until, summed = time.monotonic() + self.timeout, hashlib.sha256()
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                summed.update(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")
        if self.promised(headers) not in {None, summed.digest()}:
            raise ConnectionLost("The file is not what its digest promises.")


@enlist("stdlib", program=True)
class StdlibKeepsLineAwake(StdlibClient):
    """http.client; lets TCP ask each 15 s whether the other side of a silent line still lives."""

    def connect(self, url: str, timeout: float) -> http.client.HTTPConnection:
        line = super().connect(url, timeout)
        with suppress(OSError, AttributeError):  # a help where the system has it
            line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
        return line


@enlist("aiohttp", program=True)
class AiohttpDrainsOnClose(AiohttpClient):
    """aiohttp; `aclose` lets requests under way end, within `timeout`, and new ones are refused."""

    def prepare(self) -> None:
        self.running = 0
        self.closed = False
        self.idle = asyncio.Event()
        self.idle.set()

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        if self.closed:
            raise ClientError("The client is closed: nothing was sent.")
        self.running += 1
        self.idle.clear()
        try:
            async with super().open(method, url, body, headers, timeout) as opened:
                self.plain(opened[1])
                yield opened
        finally:
            self.running -= 1
            if not self.running:
                self.idle.set()

    async def aclose(self) -> None:
        self.closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self.timeout):
                await self.idle.wait()
        if self.session is not None:
            await self.session.close()
            self.session = None


@enlist("sdk-async")
class SdkAsyncTellsCountOfPolls(SdkAsyncClient):
    """The asynchronous SDK; the error of a wait has a note that says how often it has polled."""

    def prepare(self) -> None:
        self.polls: Counter[str] = Counter()

    async def poll(self, id: str) -> tuple[Any, float]:
        self.polls[id] += 1
        return await super().poll(id)

    def name(self, error: BaseException, id: str) -> None:
        super().name(error, id)
        error.add_note(f"polls: {self.polls[id]}")

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.polls.pop(id, None)


@enlist("requests", program=True)
class RequestsTellsOfSunset(StreamedRequestsClient):
    """requests; logs once a path that the server says is deprecated or will end (RFC 8594)."""

    def prepare(self) -> None:
        self.told_paths: set[str] = set()
        self.told_lock = threading.Lock()

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        answer = super().attempt(method, url, body)
        if {"sunset", "deprecation"} & answer.headers.keys():
            self.tell(method, "/".join(urlsplit(url).path.split("/")[:4]), answer.headers)
        return answer

    def tell(self, method: str, path: str, headers: dict[str, str]) -> None:
        with self.told_lock:
            if path in self.told_paths or len(self.told_paths) > 20:
                return
            self.told_paths.add(path)
        until = headers.get("sunset", "a time not told")
        LOG.warning("%s %s is deprecated; it ends at %r", method, path, until[:60])
