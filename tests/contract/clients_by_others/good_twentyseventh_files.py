"""Good clients with unusual choices, by the twenty-seventh author."""

import contextlib
import os
import re
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, Any

import httpx

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import lowered


class ResumedBytes:
    """How far a download has come: the mark of the file whose first bytes are there."""

    def __init__(self, part: IO[bytes]) -> None:
        self.part = part
        self.mark = ""
        self.whole: int | None = None

    def restart(self, headers: dict[str, str]) -> None:
        mark = headers.get("etag", "").strip()
        self.part.seek(0)
        self.part.truncate()
        self.mark = mark if mark.startswith('"') else ""
        self.whole = None

    def asks(self) -> dict[str, str]:
        have = self.part.tell()
        return {"Range": f"bytes={have}-", "If-Range": self.mark} if have and self.mark else {}

    def goes_on(self, headers: dict[str, str]) -> bool:
        said = headers.get("content-range", "").strip()
        found = re.fullmatch(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", said, re.ASCII)
        if found is None:
            return False
        first, last, self.whole = map(int, found.groups())
        same = headers.get("etag", self.mark).strip() == self.mark
        return same and first == self.part.tell() and last + 1 == self.whole


@enlist("requests", program=True)
class ResumesFilesThatHaveNotChanged(StreamedRequestsClient):
    """Asks for the rest of a file by If-Range; starts anew where the answer is the whole."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        progress = ResumedBytes(part)
        for tried in range(self.attempts()):
            try:
                return self.save_rest(url, progress, result)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def begin(
        self, progress: ResumedBytes, status: int, headers: dict[str, str], result: Any, asked: bool
    ) -> None:
        if asked and status in {206, 416}:
            if status == 206 and progress.goes_on(headers):
                return self.judge_file(200, headers, result)
            progress.restart({})
            raise ConnectionLost("The rest of the file is not to be had: all of it is asked for.")
        self.judge_file(status, headers, result)
        return progress.restart(headers)

    def save_rest(self, url: str, progress: ResumedBytes, result: Any) -> None:
        until, asked = time.monotonic() + self.timeout, progress.asks()
        opened = self.open("GET", url, None, {**self.download_headers(), **asked}, self.timeout)
        with opened as (status, headers, chunks):
            self.begin(progress, status, headers, result, bool(asked))
            for chunk in chunks:
                progress.part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")
        if progress.whole not in {None, progress.part.tell()}:
            progress.restart({})
            raise ConnectionLost("The parts of the file do not make the whole.")


@enlist("httpx-async")
class UnpacksGzipPieceByPiece(HttpxAsyncClient):
    """Asks for JSON in gzip, and unpacks it in small pieces; files are asked for as they are."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Accept-Encoding": "gzip"}

    def chunks(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        asked = answer.request.headers.get("accept-encoding") == "gzip"
        coding = lowered(answer.headers).get("content-encoding", "").strip().lower()
        if asked and coding in {"gzip", "x-gzip"}:
            return self.unpacked(answer)
        return super().chunks(answer)

    async def unpacked(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        unpacker, begun = zlib.decompressobj(zlib.MAX_WBITS | 16), False
        async for packed in answer.aiter_raw():
            begun, rest = begun or bool(packed), packed
            while rest:
                try:
                    piece = unpacker.decompress(rest, 65536)
                except zlib.error:
                    raise BadAnswer("The answer is not the gzip that it claims to be.") from None
                yield piece
                rest = unpacker.unconsumed_tail
        if begun and not unpacker.eof:
            raise ConnectionLost("The answer ends within its gzip.")


@enlist("sdk")
class PollsOldVideosLessOften(SdkClient):
    """Lets the time between two polls grow to twice the interval as a video gets older."""

    def prepare(self) -> None:
        self.polls: dict[str, int] = {}

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        finally:
            with self.lock:
                self.polls.pop(id, None)

    def poll(self, id: str) -> tuple[Any, float]:
        video, told = super().poll(id)
        with self.lock:
            count = self.polls[id] = self.polls.get(id, 0) + 1
        return video, max(told, self.poll_interval * min(1 + count / 8, 2))


@enlist("stdlib", program=True)
class WritesFilesThroughToTheDisk(StdlibClient):
    """Has each file on the disk before it gets its name, and the name before it returns."""

    def write_through(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        self.write_through(part)
        published = super().publish(part, path, overwrite)
        with contextlib.suppress(OSError):  # not every file system can do it for a folder
            self.write_through(published.parent)
        return published
