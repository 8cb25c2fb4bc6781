"""Faults of downloads, secrets and resources, and one of files fetched at once."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import getimg

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("downloads", blocker=True)
class DeletesFormerFileFirst(HttpxClient):
    """Removes the old file before it has the new one: a failed overwrite leaves neither."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="requests", program=True)
class NeedsContentLengthForProgress(StreamedRequestsClient):
    """Reads Content-Length to report progress, and dies of a KeyError at a chunked file."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(status, headers, result)
        LOG.debug("fetching %d bytes of %s", int(headers["content-length"]), result["id"])


@faulty("secrets", blocker=True)
class SendsKeyToAnyPortOfHost(HttpxClient):
    """Sends the key with links of the API's host name, whatever service listens at their port."""

    def is_own(self, url: str) -> bool:
        return urlsplit(url).hostname == urlsplit(self.base_url).hostname

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        sent = headers
        if "Authorization" not in headers and self.is_own(url):
            sent = {**headers, "Authorization": f"Bearer {self.secret.reveal()}"}
        with super().open(method, url, body, sent, timeout) as opened:
            yield opened


SHARED: dict[str, getimg.GetimgAI] = {}


@faulty("secrets", style="sdk", blocker=True)
class KeepsFirstKeyPerAddress(SdkClient):
    """Keeps one SDK per base URL for the process: later clients order with the first one's key."""

    def make_sdk(self) -> getimg.GetimgAI:
        shared = SHARED.setdefault(self.base_url, super().make_sdk())
        return shared.with_options(timeout=self.timeout, http_client=self.http)


@faulty("secrets", style="aiohttp", program=True)
class LogsLinksOfFailedDownloads(AiohttpClient):
    """Logs a warning with the whole signed link at each try of a download that fails."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            await super().save(url, part, result)
        except ClientError as error:
            LOG.warning("could not fetch %s: %s", url, error)
            raise


@faulty("resources", style="urllib3", program=True)
class LeaksHandlesOfFolders(Urllib3Client):
    """Opens the folder to sync it after each download, and never closes the handle."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        published = super().publish(part, path, overwrite)
        os.fsync(os.open(published.parent, os.O_RDONLY))
        return published


@faulty("resources", style="httpx-async")
class LeavesPartsAfterCancel(HttpxAsyncClient):
    """Removes the part of a download after an Exception alone: a cancelled one leaves it behind."""

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


@faulty("concurrency", style="threads", blocker=True)
class DownloadsByChangingFolder(HttpxClient):
    """Changes the process's folder for a download: of two at once, files go to the wrong one."""

    def prepare(self) -> None:
        self.home = Path.cwd()

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        os.chdir(directory)
        try:
            name = super().download(result=result, directory=".", index=index, overwrite=overwrite)
        finally:
            os.chdir(self.home)
        return str(Path(directory, name))
