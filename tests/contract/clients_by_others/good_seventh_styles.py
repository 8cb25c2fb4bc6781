"""Good clients once more: unusual choices, each of which is legal."""

import asyncio
import copy
import http.client
import json
import random
import re
import select
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from tests.contract.clients_by_others.async_transports import AiohttpClient, AnyioClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

MOVED = frozenset({301, 302, 303, 307, 308})


@enlist("httpx")
class HttpxPlainUnicode(HttpxClient):
    """Sends UTF-8 without escapes or spaces, and refuses half a surrogate pair itself."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        text = json.dumps(kept, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        try:
            return text.encode()
        except UnicodeEncodeError:
            raise ValueError("A text has half a surrogate pair, which no request may.") from None


@enlist("httpx")
class HttpxNumbersRequests(HttpxClient):
    """Gives each request to the API an X-Correlation-Id of its own, for the logs of a proxy."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "X-Correlation-Id": uuid.uuid4().hex}


@enlist("requests", program=True)
class RequestsFollowsAtHome(StreamedRequestsClient):
    """Follows up to three redirects of a read, and only to the host and port that it has asked."""

    def home(self, url: str, place: str) -> str | None:
        there = urljoin(url, place)
        old, new = urlsplit(url), urlsplit(there)
        return there if (old.scheme, old.netloc) == (new.scheme, new.netloc) else None

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        follows = method == "GET" and "Authorization" in headers
        for step in range(4):
            with super().open(method, url, body, headers, timeout) as opened:
                place = opened[1].get("location") if follows and opened[0] in MOVED else None
                there = self.home(url, place) if place and step < 3 else None
                if there is None:
                    yield opened
                    return
            url = there


SPAN = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


@enlist("aiohttp", program=True)
class AiohttpResumesFiles(AiohttpClient):
    """Goes on with a broken file by Range and If-Range if its ETag is strong, else begins anew."""

    async def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        tags = [""]
        for tried in range(self.attempts()):
            try:
                await self.go_on(url, part, result, tags)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                await self.sleep(pause)
            else:
                return

    async def go_on(self, url: str, part: IO[bytes], result: Any, tags: list[str]) -> None:
        sent, tag = self.download_headers(), tags[-1]
        if part.tell() and tag:
            sent |= {"Range": f"bytes={part.tell()}-", "If-Range": tag}
        opened = self.open("GET", url, None, sent, self.timeout)
        try:
            async with self.limit(), opened as (status, headers, chunks):
                self.plain(headers)
                self.place(status, headers, part, tag)
                self.judge_file(200 if status == 206 else status, headers, result)
                tags.append(self.strong(headers))
                async for chunk in chunks:
                    part.write(chunk)
        except TimeoutError:
            raise ConnectionLost(f"The file did not come in {self.timeout} s.") from None

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None

    def strong(self, headers: dict[str, str]) -> str:
        """Return the ETag by which the rest of a file can be asked for."""
        tag = headers.get("etag", "")
        return tag if tag.startswith('"') else ""

    def place(self, status: int, headers: dict[str, str], part: IO[bytes], tag: str) -> None:
        """Keep what is there if the answer is exactly the rest of it."""
        span = SPAN.fullmatch(headers.get("content-range", "").strip())
        if status == 206 and span and tag and self.strong(headers) == tag:
            first, last, total = (int(digits) for digits in span.groups())
            if first == part.tell() and last + 1 == total:
                return
        had = part.tell()
        part.seek(0)
        part.truncate()
        if status == 206 or (status == 416 and had):
            raise ConnectionLost("The answer is not the rest of the file.")


@enlist("stdlib", program=True)
class StdlibKeepsOneLine(StdlibClient):
    """Reads over one connection that it keeps; orders get a new one, so that none meets a stale."""

    def prepare(self) -> None:
        self.idle: http.client.HTTPConnection | None = None
        self.idle_lock = threading.Lock()

    def swap(self, line: http.client.HTTPConnection | None) -> http.client.HTTPConnection | None:
        with self.idle_lock:
            line, self.idle = self.idle, line
        return line

    def line_for(self, url: str, timeout: float, mine: bool) -> http.client.HTTPConnection:
        line = self.swap(None) if mine else None
        if line is None:
            return self.connect(url, timeout)
        if select.select([line.sock], [], [], 0)[0]:
            line.close()
            return self.connect(url, timeout)
        line.sock.settimeout(timeout)
        return line

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        mine = method == "GET" and url.startswith(f"{self.base_url}/")
        line: http.client.HTTPConnection | None = self.line_for(url, timeout, mine)
        assert line is not None
        try:
            answer = self.ask(line, method, url, body, headers)
            got = {name.lower(): value for name, value in answer.getheaders()}
            self.plain(got)
            yield answer.status, got, self.chunks(answer)
            if mine and not answer.will_close and (answer.isclosed() or answer.length == 0):
                answer.close()
                line = self.swap(line)
        finally:
            if line is not None:
                line.close()

    def close(self) -> None:
        if (line := self.swap(None)) is not None:
            line.close()


@enlist("urllib3", program=True)
class Urllib3SpreadsPolls(Urllib3Client):
    """Polls up to a tenth of the interval late, at random, so that many programs do not march."""

    def pace(self) -> None:
        self.sleep(random.uniform(0, min(self.poll_interval / 10, 1.0)))
        super().pace()


@enlist("anyio")
class AnyioObeysTwoMinutes(AnyioClient):
    """Looks at a video at once, and obeys a Retry-After of up to two minutes."""

    polls_at_once = True
    longest_told = 120.0


@enlist("sdk-async")
class SdkAsyncSharesLists(SdkAsyncClient):
    """Lets callers at one time share one request for the models, until the last has left it."""

    def prepare(self) -> None:
        self.shared: dict[str | None, tuple[asyncio.Task[Any], list[object]]] = {}

    async def models(self, type: str | None = None) -> Any:
        if type not in self.shared:
            self.shared[type] = (asyncio.create_task(super().models(type)), [])
        task, here = self.shared[type]
        here.append(task)
        try:
            return copy.deepcopy(await asyncio.shield(task))
        finally:
            here.pop()
            if task.done() or not here:
                self.shared.pop(type, None)
                task.cancel()
                await asyncio.wait([task])
