"""More faults of downloads, secrets and resources."""

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

import aiohttp
import getimg
import requests

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer, Secret
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


class StrictAiohttpClient(AiohttpClient):
    """aiohttp that unpacks nothing, and refuses what is coded."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        async with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@faulty("downloads", style="aiohttp", blocker=True, program=True)
class TakesPauseForEndOfFile(StrictAiohttpClient):
    """Takes a pause of some seconds for the end of a file, and keeps the half as the whole."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        idle = min(self.timeout / 2, 5.0)
        try:
            async with self.limit(), opened as (status, headers, chunks):
                self.judge_file(status, headers, result)
                while True:
                    try:
                        part.write(await asyncio.wait_for(anext(chunks), idle))
                    except (StopAsyncIteration, TimeoutError):
                        return
        except TimeoutError:
            raise ConnectionLost(f"The file did not come in {self.timeout} s.") from None


@faulty("downloads", blocker=True)
class ChoosesFreeNameBeforeFetching(HttpxClient):
    """Looks for a free name before it fetches: what gets that name meanwhile is overwritten."""

    def free(self, path: Path) -> Path:
        for tried in range(1000):
            name = path.with_stem(f"{path.stem}-{tried}") if tried else path
            if not name.exists():
                return name
        raise DownloadFailed(f"There are too many files like {path.name}.")

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        target = path if overwrite else self.free(path)
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                self.fetch(url, part, result)
                part.close()
                return str(Path(part.name).replace(target))
            except BaseException:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise


@faulty("downloads", style="urllib3", program=True)
class NeedsLengthForProgress(Urllib3Client):
    """Logs how much of a file has come, and dies of a KeyError if it has no Content-Length."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.plain(headers)
            self.judge_file(status, headers, result)
            whole = max(int(headers["content-length"]), 1)
            for chunk in chunks:
                part.write(chunk)
                LOG.info("%s: %d %% of the file", result["id"], 100 * part.tell() // whole)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("secrets", style="sdk", blocker=True)
class SharesKeyAmongClients(SdkClient):
    """Keeps its key on the class: each client of a process uses the key of the one made last."""

    current: ClassVar[Secret]

    def prepare(self) -> None:
        type(self).current = self.secret

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.current.reveal(),
            max_retries=0,
            timeout=self.timeout,
            http_client=self.http,
        )


@faulty("secrets", blocker=True)
class MasksWrongEndOfKey(HttpxClient):
    """Logs a key that was refused with the last four signs masked, and all the others shown."""

    def masked(self) -> str:
        return f"{self.secret.reveal()[:-4]}****"

    def error_of(self, answer: Answer, method: str) -> ClientError:
        if answer.status == 401:
            LOG.warning("%s refused the key %s", self.base_url, self.masked())
        return super().error_of(answer, method)


@faulty("secrets", style="requests", program=True)
class LetsNetrcReplaceKey(StreamedRequestsClient):
    """Lets requests read .netrc: a password of there goes out in place of the caller's key."""

    def session(self) -> requests.Session:
        session = super().session()
        session.trust_env = True
        return session


@faulty("resources", style="threads")
class LeavesWatchdogThreads(HttpxClient):
    """Starts a timer thread for each request, which warns of slow ones, and cancels none."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        watchdog = threading.Timer(self.timeout, LOG.warning, ("%s %s is slow", method, url))
        watchdog.daemon = True
        watchdog.start()
        return super().exchange(method, url, body, headers)


@faulty("resources", style="httpx-async")
class LeavesWaitersForStop(HttpxAsyncClient):
    """Leaves at each pause a task that waits for the client's stop, so that tasks pile up."""

    def prepare(self) -> None:
        self.stopped = asyncio.Event()

    def stop(self) -> None:
        self.stopped.set()

    async def sleep(self, seconds: float) -> None:
        stop = asyncio.ensure_future(self.stopped.wait())
        await asyncio.wait({stop}, timeout=seconds)
        if stop.done():
            raise ClientError("The client was stopped.")


@faulty("resources")
class LeaksHandleOfFolder(HttpxClient):
    """Opens the folder of each file to have the disk confirm it, and never closes the handle."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        published = super().publish(part, path, overwrite)
        os.fsync(os.open(published.parent, os.O_RDONLY))
        return published
