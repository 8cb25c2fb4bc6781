"""Good clients that do things their own way: resuming, slowing down, spelling, syncing."""

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@dataclass
class Progress:
    """A file that comes in parts, and the strong tag that all of its parts must have."""

    part: IO[bytes]
    tag: str = ""

    def start_over(self) -> None:
        self.tag = ""
        self.part.seek(0)
        self.part.truncate()

    def asks(self, last: bool) -> dict[str, str]:
        """Return the headers that ask for the rest; the last try asks for the whole file."""
        if last or not self.tag or not self.part.tell():
            self.start_over()
            return {}
        return {"Range": f"bytes={self.part.tell()}-", "If-Range": self.tag}

    def continues(self, headers: dict[str, str]) -> bool:
        said = re.match(r"bytes (\d{1,15})-", headers.get("content-range", ""), re.ASCII)
        return said is not None and int(said[1]) == self.part.tell()

    def keep_tag(self, headers: dict[str, str]) -> None:
        tag = headers.get("etag", "")
        self.tag = tag if tag.startswith('"') and tag.isascii() and tag.isprintable() else ""


@enlist("httpx")
class ContinuesBrokenDownloads(HttpxClient):
    """Asks for the rest of a broken file by Range and If-Range, and takes a 200 as a new start."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        progress = Progress(part)
        for tried in range(self.attempts()):
            last = tried + 1 >= self.attempts()
            try:
                self.proceed(url, progress, result, last)
            except ClientError as error:
                if last or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                self.sleep(pause)
            else:
                return

    def proceed(self, url: str, progress: Progress, result: Any, last: bool) -> None:
        until, rest = time.monotonic() + self.timeout, progress.asks(last)
        sent = {**self.download_headers(), **rest}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            if rest and (status == 416 or (status == 206 and not progress.continues(headers))):
                progress.start_over()
                raise ConnectionLost("The rest of the file is not to be had: it starts anew.")
            self.judge_file(200 if rest and status == 206 else status, headers, result)
            if status == 200:
                progress.start_over()
                progress.keep_tag(headers)
            for chunk in chunks:
                progress.part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@enlist("aiohttp", program=True)
class PollsMoreAndMoreSlowly(AiohttpClient):
    """Lets the pause between polls of a video grow from the interval to twice the interval."""

    def prepare(self) -> None:
        self.pauses: dict[str, float] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        pause = min(self.pauses.get(id, self.poll_interval) * 1.2, self.poll_interval * 2)
        self.pauses[id] = pause
        return video, max(told, pause)

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.pauses.pop(id, None)


@enlist("requests", program=True)
class SpellsBodiesInPlainUtf8(StreamedRequestsClient):
    """Sends indented JSON with sorted names and unescaped UTF-8, and says so in its charset."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        text = json.dumps(kept, allow_nan=False, ensure_ascii=False, sort_keys=True, indent=2)
        try:
            return text.encode()
        except UnicodeEncodeError:  # half a character, which only an escape can carry
            return super().body(fields)

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        if body is not None:
            sent["Content-Type"] = "application/json; charset=utf-8"
        return sent


@enlist("sdk-async")
class SyncsFilesBeforeItNamesThem(SdkAsyncClient):
    """Brings a file to the disk before it gets its name, so that a power cut leaves no half."""

    def sync(self, path: Path) -> None:
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        self.sync(part)
        named = super().publish(part, path, overwrite)
        self.sync(named.parent)
        return named
