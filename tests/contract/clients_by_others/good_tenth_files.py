"""Good clients with a choice of their own in files, pace and connections; each is legal."""

import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered

REDIRECTS = frozenset({301, 302, 303, 307, 308})
RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)


@enlist("httpx")
class HttpxResumesFiles(HttpxClient):
    """Goes on with a broken file by If-Range if it had a strong ETag, else from its start."""

    def prepare(self) -> None:
        self.tags: dict[str, str] = {}

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            for tried in range(self.attempts()):
                try:
                    return self.save(url, part, result)
                except ClientError as error:
                    again = tried + 1 < self.attempts() and self.tries_again("GET", error)
                    pause = self.delay(tried, error) if again else None
                    if pause is None:
                        raise DownloadFailed(
                            str(error), status_code=error.status_code, generation_id=result["id"]
                        ) from error
                self.sleep(pause)
        finally:
            self.tags.pop(part.name, None)

    def rest(self, headers: dict[str, str], have: int, tag: str) -> bool:
        """Say whether the answer is what lacks of the file, to its end."""
        found = RANGE.fullmatch(headers.get("content-range", "").strip())
        if found is None or headers.get("etag", tag).strip() != tag:
            return False
        first, last, whole = map(int, found.groups())
        return first == have and last + 1 == whole

    def begin(self, part: IO[bytes], headers: dict[str, str]) -> None:
        tag = headers.get("etag", "").strip()
        self.tags[part.name] = tag if tag.startswith('"') else ""
        part.seek(0)
        part.truncate()

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        sent, have, tag = self.download_headers(), part.tell(), self.tags.get(part.name, "")
        resumes = have > 0 and tag != ""
        if resumes:
            sent |= {"Range": f"bytes={have}-", "If-Range": tag}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            if resumes and status in {206, 416}:
                if status == 416 or not self.rest(headers, have, tag):
                    self.tags.pop(part.name)
                    raise ConnectionLost("The rest of the file is not to be had.")
                self.judge_file(200, headers, result)
            else:
                self.judge_file(status, headers, result)
                self.begin(part, headers)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@enlist("sdk")
class SdkHeedsRemaining(SdkClient):
    """Holds the next order till the window ends when an answer says that none remains in it."""

    def prepare(self) -> None:
        self.opens: dict[str, float] = {}

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return super().attempt(method, url, body)
        closed = self.opens.get(url, 0.0) - time.monotonic()
        if closed > 0:
            self.sleep(closed)
        answer = super().attempt(method, url, body)
        left = answer.headers.get("x-ratelimit-remaining", "").strip()
        reset = self.reset(answer.headers)
        if left == "0" and reset is not None and reset <= self.longest_told:
            self.opens[url] = time.monotonic() + reset
        return answer


@enlist("stdlib", program=True)
class StdlibFollowsFileRedirects(StdlibClient):
    """Follows up to four redirects of a file's link, which carry no key; none of the API's."""

    def onward(self, url: str, place: str) -> str:
        try:
            found = urljoin(url, place)
        except ValueError:
            found = ""
        wanted = ("https://",) if url.lower().startswith("https:") else ("https://", "http://")
        clean = found.isascii() and found.isprintable() and " " not in found
        if not clean or not found.lower().startswith(wanted):
            raise DownloadFailed("The link leads to no address that files are fetched from.")
        return found

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        until = time.monotonic() + timeout
        for _ in range(5):
            left = max(until - time.monotonic(), 0.1)
            with super().open(method, url, body, headers, left) as opened:
                place = opened[1].get("location", "").strip()
                if "Authorization" in headers or opened[0] not in REDIRECTS or not place:
                    yield opened
                    return
            url = self.onward(url, place)
        raise DownloadFailed("The link leads from redirect to redirect.")


@enlist("aiohttp", program=True)
class AiohttpOpensSessionEachTime(AiohttpClient):
    """Makes a session for each request and closes it with it: nothing is open between calls."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(force_close=True),
            auto_decompress=False,
        )

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        bound = aiohttp.ClientTimeout(total=timeout)
        sent: dict[str, Any] = {"data": body, "headers": headers, "timeout": bound}
        try:
            async with (
                self.make_session() as session,
                session.request(
                    method, URL(url, encoded=True), allow_redirects=False, **sent
                ) as answer,
            ):
                got = lowered(answer.headers)
                self.plain(got)
                yield answer.status, got, answer.content.iter_chunked(65536)
        except aiohttp.ClientConnectorError as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
