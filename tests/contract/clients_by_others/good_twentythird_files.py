"""Good clients that do something in an unusual way."""

import asyncio
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@enlist("httpx")
class ResumesABrokenFileByItsTag(HttpxClient):
    """Resumes a broken download by Range and If-Range, and starts again unless it gets a 206."""

    def prepare(self) -> None:
        self.tags: dict[str, str] = {}  # by the name of the part

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            for tried in range(self.attempts()):
                try:
                    return self.save(url, part, result)
                except ClientError as error:
                    if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                        raise DownloadFailed(
                            str(error), status_code=error.status_code, generation_id=result["id"]
                        ) from error
                    pause = self.delay(tried, error)
                    if pause is None:
                        raise
                self.sleep(pause)
        finally:
            self.tags.pop(part.name, None)
        raise AssertionError("the last try returns or raises")

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until, asked = time.monotonic() + self.timeout, self.download_headers()
        if part.tell() and part.name in self.tags:
            asked["Range"] = f"bytes={part.tell()}-"
            asked["If-Range"] = self.tags[part.name]
        with self.open("GET", url, None, asked, self.timeout) as (status, headers, chunks):
            self.place(status, headers, part, result, resumes="Range" in asked)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")

    def place(
        self, status: int, headers: dict[str, str], part: IO[bytes], result: Any, *, resumes: bool
    ) -> None:
        """Judge the answer, and put the part where its bytes belong."""
        span = re.match(r"bytes (\d+)-", headers.get("content-range", ""), re.ASCII)
        if resumes and status == 206 and span is not None and int(span[1]) == part.tell():
            return self.judge_file(200, headers, result)
        if status == 200 or (resumes and status in {206, 416}):
            self.tags.pop(part.name, None)
            part.seek(0)
            part.truncate()
        if resumes and status in {206, 416}:
            raise ConnectionLost("The rest of the file is not to be had.")
        self.judge_file(status, headers, result)
        if headers.get("etag", "").startswith('"'):
            self.tags[part.name] = headers["etag"]
        return None


@enlist("sdk-async")
class PollsLessOftenTheLongerAVideoTakes(SdkAsyncClient):
    """Lets the pause between polls of a video grow by a fifth each time, to twice the interval."""

    def prepare(self) -> None:
        self.polls: dict[str, int] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        self.polls[id] = self.polls.get(id, 0) + 1
        video, told = await super().poll(id)
        return video, max(told, self.poll_interval * min(1.2 ** self.polls[id], 2))

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.polls.pop(id, None)


@enlist("urllib3", program=True)
class ClosesEachConnectionAndSortsItsFields(Urllib3Client):
    """Asks for each connection to be closed, and sends sorted fields in plain UTF-8."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Connection": "close"}

    def download_headers(self) -> dict[str, str]:
        return {**super().download_headers(), "Connection": "close"}

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        try:
            text = json.dumps(kept, allow_nan=False, ensure_ascii=False, sort_keys=True, indent=1)
            return text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair
            return super().body(fields)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened


@enlist("aiohttp", program=True)
class SyncsFilesAndSendsThreeOrdersAtATime(AiohttpClient):
    """Has no more than three orders under way, and names a file when it is safe on the disk."""

    def prepare(self) -> None:
        self.places = asyncio.Semaphore(3)

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        async with self.places:
            return await super().submit(kind, shape, fields)

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        await super().save(url, part, result)
        part.flush()
        await asyncio.to_thread(os.fsync, part.fileno())
