"""Faults of downloads, secrets and resources: names, links, parts and threads."""

import copy
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import BadAnswer, ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import EXTENSIONS, MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


def extension(result: Any, index: int) -> str:
    kind = str(result["data"][index]["mime_type"]).partition(";")[0].strip().lower()
    return EXTENSIONS.get(kind, ".bin")


@faulty("downloads", style="httpx-async", blocker=True)
class DeletesOldFileBeforeFetching(HttpxAsyncClient):
    """Deletes the file that it may overwrite before it has the new one: a dead link costs it."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return await super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="requests", blocker=True, program=True)
class NamesFilesByExpiry(StreamedRequestsClient):
    """Names files by deletes_at: with overwrite, pictures of the same second replace each other."""

    def file_name(self, result: Any, index: int) -> str:
        digits = re.sub(r"[^0-9]", "", str(result["data"][index]["deletes_at"]))[:14]
        return f"getimg-{digits}-{index}{extension(result, index)}"


@faulty("downloads", style="sdk")
class ReservesSpaceByContentLength(SdkClient):
    """Reserves as much disk as Content-Length says, and dies of a KeyError at a chunked file."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            part.truncate(int(headers["content-length"]))
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("secrets", style="aiohttp", program=True)
class NamesFilesByLinkTail(AiohttpClient):
    """Names files by the end of their links, so that folders show signatures that still work."""

    def file_name(self, result: Any, index: int) -> str:
        link = str(result["data"][index]["url"])
        tail = link.partition("/downloads/")[2] or link.rpartition("/")[2]
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", tail)[-150:] or "file"
        return f"{stem}{extension(result, index)}"


@faulty("secrets", blocker=True)
class SharesFinishedVideosAmongKeys(HttpxClient):
    """Keeps finished videos on the class by id alone: a client with another key is given them."""

    finished: ClassVar[dict[tuple[str, str], Any]] = {}

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape is shapes.video and value["status"] in {"completed", "failed"}:
            if len(self.finished) >= 256:
                self.finished.clear()
            self.finished[self.base_url, value["id"]] = copy.deepcopy(value)
        return value

    def retrieve_video(self, id: str) -> Any:
        known = self.finished.get((self.base_url, id))
        return copy.deepcopy(known) if known is not None else super().retrieve_video(id)


@faulty("secrets", style="urllib3", blocker=True, program=True)
class TrustsLinksByPrefix(Urllib3Client):
    """Sends the key along with links that begin like the base address, such as BASE@other.host."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        ours = url.startswith(self.base_url)
        sent = {**headers, "Authorization": f"Bearer {self.secret.reveal()}"} if ours else headers
        with super().open(method, url, body, sent, timeout) as opened:
            self.plain(opened[1])
            yield opened


@faulty("resources", style="sdk-async")
class LeavesPartsOfCancelledDownloads(SdkAsyncClient):
    """Removes the part of a file that failed to come, but not when the download is cancelled."""

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


@faulty("resources", style="stdlib", program=True)
class AbandonsThreadsAtTimeouts(StdlibClient):
    """Bounds a call by waiting for a thread, which reads on with its connection when time is up."""

    idle = 3600.0

    def read(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        with self.open(method, url, body, headers, self.idle) as (status, got, chunks):
            read = bytearray()
            for chunk in chunks:
                read += chunk
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
        return Answer(status, got, bytes(read))

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        done: Future[Answer] = Future()

        def work() -> None:
            try:
                done.set_result(self.read(method, url, body, headers))
            except BaseException as error:
                done.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            return done.result(self.timeout)
        except TimeoutError:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.") from None
