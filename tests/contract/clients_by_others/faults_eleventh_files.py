"""Faults of downloads, secrets and resources."""

import tempfile
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import getimg

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient

if TYPE_CHECKING:
    import aiohttp


@faulty("downloads", style="requests", blocker=True, program=True)
class RemovesFormerFileFirst(StreamedRequestsClient):
    """Removes the file that it is to overwrite first: if the link fails, the old one is lost."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="aiohttp", blocker=True, program=True)
class RefusesFilesOverTenMebibytes(AiohttpClient):
    """Applies the limit of references, 10 MiB, to results: a larger paid file cannot be had."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(status, headers, result)
        size = headers.get("content-length", "")
        if size.isdecimal() and int(size) > 10 * MEBIBYTE:
            raise DownloadFailed(f"The file of {size} bytes is larger than the API allows.")


@faulty("downloads", style="sdk")
class SavesAnySuccessAsFile(SdkClient):
    """Takes each 2xx of a link for the file: of a 204 or an unasked 206 it saves none or a part."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(200 if 200 <= status < 300 else status, headers, result)


@faulty("secrets", style="stdlib", blocker=True, program=True)
class OpensFileLinks(StdlibClient):
    """Opens links by urlopen, whatever their scheme: a file: link copies a local file as result."""

    def link(self, result: Any, index: int) -> str:
        if 0 <= index < len(result["data"]):
            url = str(result["data"][index]["url"])
            if urlsplit(url).scheme not in {"http", "https"}:
                return url
        return super().link(result, index)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        if urlsplit(url).scheme in {"http", "https"}:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
            return
        try:
            answer = urllib.request.urlopen(url, timeout=timeout)  # noqa: S310 - the fault
        except (OSError, ValueError) as error:
            raise DownloadFailed(f"The link cannot be opened: {type(error).__name__}") from None
        with answer:
            yield 200, {}, iter(lambda: answer.read(65536), b"")


@faulty("secrets", blocker=True)
class NotesHeadersOnErrors(HttpxClient):
    """Adds a note with the headers it sent to each error: the key stands in every traceback."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            error.add_note(f"request: {method} {url} {self.headers(body)}")
            raise


@faulty("secrets", style="sdk", blocker=True)
class SharesOneSdkForAllKeys(SdkClient):
    """Keeps one SDK per address for all clients: a client with another key sends the first's."""

    sdks: ClassVar[dict[str, getimg.GetimgAI]] = {}

    def make_sdk(self) -> getimg.GetimgAI:
        if self.base_url not in self.sdks:
            self.sdks[self.base_url] = super().make_sdk()
        return self.sdks[self.base_url].with_options(timeout=self.timeout, http_client=self.http)


@faulty("resources", style="aiohttp", program=True)
class KeepsSessionPerRequest(AiohttpClient):
    """Opens a session for each request and closes none before the end: connections pile up."""

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


@faulty("resources")
class LeavesTimerAfterRequest(HttpxClient):
    """Starts a timer, which is a thread, for each request and never cancels it, however it ends."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        watch = threading.Timer(self.timeout, LOG.info, ("%s was to be done by now", method))
        watch.daemon = True
        watch.start()
        return super().exchange(method, url, body, headers)


@faulty("resources", style="sdk-async")
class LeavesPartFileWhenCancelled(SdkAsyncClient):
    """Tidies up after Exception alone: each cancelled download leaves its part file for good."""

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
