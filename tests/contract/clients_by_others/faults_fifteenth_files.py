"""More faults of downloads, secrets and resources."""

import tempfile
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

import getimg
import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("downloads", blocker=True)
class UnlinksOldFileFirst(HttpxClient):
    """Deletes the file that it is to overwrite before it fetches: a dead link loses the old one."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="httpx-async", blocker=True)
class SavesGzippedBytes(HttpxAsyncClient):
    """Asks for files in gzip and saves the raw bytes, so that a coded file is no picture."""

    def download_headers(self) -> dict[str, str]:
        return {**super().download_headers(), "Accept-Encoding": "gzip"}

    def chunks(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        if answer.request.headers.get("accept-encoding") == "gzip":
            return answer.aiter_raw()
        return super().chunks(answer)


@faulty("downloads", style="urllib3", blocker=True, program=True)
class SavesTenMebibytesAtMost(Urllib3Client):
    """Applies the limit of references, 10 MiB, to paid files too: larger ones never arrive."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if part.tell() > 10 * MEBIBYTE:
                    raise DownloadFailed("The file is larger than 10 MiB.")
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("secrets", style="sdk", blocker=True)
class KeepsSdkPerAddress(SdkClient):
    """Keeps one SDK per base URL for all clients: a second client sends the key of the first."""

    made: ClassVar[dict[str, getimg.GetimgAI]] = {}

    def make_sdk(self) -> getimg.GetimgAI:
        if self.base_url not in self.made:
            self.made[self.base_url] = getimg.GetimgAI(
                base_url=self.base_url,
                api_key=self.secret.reveal(),
                max_retries=0,
                http_client=self.make_pool(),
            )
        return self.made[self.base_url].with_options(timeout=self.timeout)


@faulty("secrets", style="requests", blocker=True, program=True)
class LogsTracebackWithLocals(StreamedRequestsClient):
    """Logs failed calls with the locals of each frame, and with a lost connection the key."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            LOG.error("%s failed:\n%s", method, "".join(told.format()))
            raise


@faulty("secrets", style="aiohttp", blocker=True, program=True)
class RetriesDeadLinksWithKey(AiohttpClient):
    """Sends the key to whatever host a link names when that answers 401 or 403 without it."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            await super().save(url, part, result)
        except DownloadFailed as error:
            if error.status_code not in {401, 403}:
                raise
            await self.save_with_key(url, part, result)

    async def save_with_key(self, url: str, part: IO[bytes], result: Any) -> None:
        sent = {
            **self.download_headers(),
            "Authorization": f"Bearer {self.secret.reveal()}",
        }
        opened = self.open("GET", url, None, sent, self.timeout)
        try:
            async with self.limit(), opened as (status, headers, chunks):
                self.judge_file(status, headers, result)
                async for chunk in chunks:
                    part.write(chunk)
        except TimeoutError:
            raise ConnectionLost(f"The file did not come in {self.timeout} s.") from None


@faulty("resources")
class ForgetsMkstempHandle(HttpxClient):
    """Opens the file of mkstemp by name and forgets its handle: each download leaves one open."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        _, name = tempfile.mkstemp(dir=directory, prefix=".getimg-", suffix=".part")
        part = Path(name)
        try:
            with part.open("wb") as file:
                self.fetch(url, file, result)
            return str(self.publish(part, path, overwrite))
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@faulty("resources", style="sdk-async")
class LeavesPartAtCancel(SdkAsyncClient):
    """Cleans up after an Exception alone: a cancelled download leaves its half file for ever."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                await self.fetch(url, part, result)
                part.close()
                return str(self.publish(Path(part.name), path, overwrite))
            except Exception:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise


@faulty("resources")
class LeavesTimersOfRequests(HttpxClient):
    """Starts a timer thread per request that it never cancels: each lives on for the timeout."""

    def watched(self, chunks: Iterator[bytes], late: threading.Event) -> Iterator[bytes]:
        for chunk in chunks:
            if late.is_set():
                raise ConnectionLost("The answer took too long.")
            yield chunk

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        late = threading.Event()
        watchdog = threading.Timer(timeout, late.set)
        watchdog.daemon = True
        watchdog.start()
        with super().open(method, url, body, headers, timeout) as (status, got, chunks):
            yield status, got, self.watched(chunks, late)
