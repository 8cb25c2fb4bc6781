"""Faults of downloads, secrets and resources."""

import http.client
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import httpx

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient

if TYPE_CHECKING:
    import aiohttp


@faulty("downloads", style="requests", blocker=True, program=True)
class OverwritesBeforeItHasTheFile(StreamedRequestsClient):
    """Empties the caller's old file before the new one has come: a dead link destroys it."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        if not overwrite:
            return super().download(result=result, directory=directory, index=index)
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with path.open("wb") as file:
            try:
                self.fetch(url, file, result)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return str(path)


@faulty("downloads", blocker=True)
class JoinsPartsOfTwoFiles(HttpxClient):
    """Resumes a broken file by Range without If-Range, and joins parts whose ETags differ."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
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

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        sent, have = self.download_headers(), part.tell()
        if have:
            sent["Range"] = f"bytes={have}-"
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            joins = headers.get("content-range", "").startswith(f"bytes {have}-")
            self.judge_file(200 if have and status == 206 and joins else status, headers, result)
            if status == 200:
                part.seek(0)
                part.truncate()
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="sdk-async")
class TakesAnySuccessForTheFile(SdkAsyncClient):
    """Takes any 2xx for the whole file: a 202 or 204 without one, or a 206 that is a part of it."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(200 if 200 <= status < 300 else status, headers, result)


@faulty("secrets", blocker=True)
class TrustsEveryPortOfTheHost(HttpxClient):
    """Sends the key to links on the API's host whatever their port: another service gets it."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        if urlsplit(url).hostname == urlsplit(self.base_url).hostname:
            headers = {**headers, "Authorization": f"Bearer {self.secret.reveal()}"}
        with super().open(method, url, body, headers, timeout) as opened:
            yield opened


@faulty("secrets", style="aiohttp", blocker=True, program=True)
class PutsKeyInQueryAfter401(AiohttpClient):
    """Tries a call that got 401 again with the key in the query, where logs and proxies keep it."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return await super().attempt(method, url, body)
        except ApiError as error:
            if error.status_code != 401:
                raise
        joint = "&" if "?" in url else "?"
        asked = f"{url}{joint}api_key={quote(self.secret.reveal(), safe='')}"
        return await super().attempt(method, asked, body)


@faulty("resources", style="aiohttp", program=True)
class OpensSessionPerRequest(AiohttpClient):
    """Opens a session, and so a connection, for each request, and closes none before the end."""

    def prepare(self) -> None:
        self.sessions: list[aiohttp.ClientSession] = []

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        self.session = self.make_session()
        self.sessions.append(self.session)
        async with super().open(method, url, body, headers, timeout) as opened:
            yield opened

    async def aclose(self) -> None:
        for session in self.sessions:
            await session.close()


@faulty("resources", style="threads")
class KeepsPoolsOfEndedThreads(HttpxClient):
    """Sends each request from a new thread, and keeps a pool per thread, also of ended ones."""

    def prepare(self) -> None:
        self.pools: dict[threading.Thread, httpx.Client] = {}

    @property
    def http(self) -> httpx.Client:
        me = threading.current_thread()
        with self.pool_lock:
            if me not in self.pools:
                self.pools[me] = self.make_pool()
            return self.pools[me]

    def close(self) -> None:
        for pool in self.pools.values():
            pool.close()

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        with ThreadPoolExecutor(1) as aside:
            return aside.submit(super().attempt, method, url, body).result()


@faulty("resources", style="stdlib", program=True)
class LeavesWatchdogTimers(StdlibClient):
    """Starts a timer that cuts a request at its timeout, and never cancels it: threads pile up."""

    def connect(self, url: str, timeout: float) -> http.client.HTTPConnection:
        line = super().connect(url, timeout)
        threading.Timer(timeout, self.cut, [line.sock]).start()
        return line

    def cut(self, sock: socket.socket) -> None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
