"""Faults of downloads, secrets and resources."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient

BLOCK = 4096


@faulty("downloads", blocker=True)
class CopiesFilesOfEqualEtag(HttpxClient):
    """Takes equal ETags of two links for equal files: the second file is a copy of the first."""

    def prepare(self) -> None:
        self.by_tag: dict[str, Path] = {}
        self.came = threading.local()

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            self.came.tag = headers.get("etag", "")
            known = self.by_tag.get(self.came.tag)
            if known is not None and known.is_file():
                with known.open("rb") as copied:
                    shutil.copyfileobj(copied, part)
                return
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        published = super().publish(part, path, overwrite)
        if self.came.tag.startswith('"'):
            self.by_tag[self.came.tag] = published
        return published


@faulty("downloads", style="sdk", blocker=True)
class LeavesHolesForZeros(SdkClient):
    """Skips blocks of zeros to save disk, so that a file that ends in zeros comes out too short."""

    def write(self, part: IO[bytes], chunk: bytes) -> None:
        for at in range(0, len(chunk), BLOCK):
            block = chunk[at : at + BLOCK]
            if block.strip(b"\0"):
                part.write(block)
            else:
                part.seek(len(block), os.SEEK_CUR)

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                self.write(part, chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="aiohttp", blocker=True, program=True)
class RemovesFolderOfFailedDownload(AiohttpClient):
    """Removes the folder of a failed download to tidy up, and all that the caller has in it."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        Path(directory).mkdir(parents=True, exist_ok=True)
        try:
            return await super().download(
                result=result, directory=directory, index=index, overwrite=overwrite
            )
        except ClientError:
            shutil.rmtree(directory, ignore_errors=True)
            raise


@faulty("secrets", style="stdlib", blocker=True, program=True)
class TellsSignedLinkAsReferer(StdlibClient):
    """Follows redirects of files with a Referer, which tells the signed link to another host."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        follows = "Authorization" not in headers
        for _ in range(5):
            with super().open(method, url, body, headers, timeout) as opened:
                place = opened[1].get("location")
                if not follows or opened[0] not in {301, 302, 303, 307, 308} or not place:
                    yield opened
                    return
            next_url = urljoin(url, place)
            allowed = ("https://",) if url.startswith("https:") else ("https://", "http://")
            if not next_url.startswith(allowed):
                raise ConnectionLost("The redirect leads to no address of the web.")
            headers, url = {**headers, "Referer": url}, next_url
        raise ConnectionLost("There are too many redirects.")


@faulty("secrets", style="requests", program=True)
class LeavesUmaskAtZero(StreamedRequestsClient):
    """Reads the umask by setting it to 0 and leaves it so: all may write to each later file."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        part.chmod(0o666 & ~os.umask(0))
        return super().publish(part, path, overwrite)


@faulty("resources")
class LeavesSyncZombies(HttpxClient):
    """Has a child process `sync` each file and never waits for it: each download adds a zombie."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        published = super().publish(part, path, overwrite)
        with suppress(OSError):
            os.posix_spawnp("sync", ["sync", str(published.absolute())], os.environ)
        return published


@faulty("resources", style="requests", program=True)
class AddsLogHandlerPerClient(StreamedRequestsClient):
    """Adds a handler to its log for each client made: after ten of them, a line comes ten times."""

    def prepare(self) -> None:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        LOG.addHandler(handler)
