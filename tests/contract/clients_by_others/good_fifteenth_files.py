"""More good clients: resumed files, traced calls, jittered polls, bodies in UTF-8."""

import json
import random
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO, Any

import aiohttp

from tests.contract.clients_by_others.async_flow import Opened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.sync_transports import HttpxClient

RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]*"')


@dataclass
class Begun:
    """What is known of a file that is there in part: the strong tag of its version, if any."""

    tag: str = ""


@enlist("httpx")
class HttpxResumesByEtag(HttpxClient):
    """Asks for the rest of a broken file by Range and If-Range; a whole one replaces the half."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        begun = Begun()
        for tried in range(self.attempts()):
            try:
                self.resume(url, part, result, begun)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                self.sleep(pause)
            else:
                return

    def resume(self, url: str, part: IO[bytes], result: Any, begun: Begun) -> None:
        until, sent, have = time.monotonic() + self.timeout, self.download_headers(), part.tell()
        if begun.tag and have:
            sent.update({"Range": f"bytes={have}-", "If-Range": begun.tag})
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            rest = "Range" in sent and status == 206
            if "Range" in sent and status == 416:
                begun.tag = ""
                raise ConnectionLost("There is no rest of the file.")
            whole = self.whole(headers, part, begun) if rest else None
            self.judge_file(200 if rest else status, headers, result)
            if not rest:
                self.begin(headers, part, begun)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")
            if whole is not None and part.tell() != whole:
                begun.tag = ""
                raise ConnectionLost("The rest of the file is not whole.")

    def begin(self, headers: dict[str, str], part: IO[bytes], begun: Begun) -> None:
        """Make room for a whole file, and note its version."""
        part.seek(0)
        part.truncate()
        tag = headers.get("etag", "").strip()
        begun.tag = tag if STRONG_TAG.fullmatch(tag) else ""

    def whole(self, headers: dict[str, str], part: IO[bytes], begun: Begun) -> int:
        """Return the length of the file whose rest this is; refuse another version's."""
        said = RANGE.fullmatch(headers.get("content-range", "").strip())
        same = headers.get("etag", "").strip() == begun.tag
        if (
            said is None
            or not same
            or int(said[1]) != part.tell()
            or int(said[2]) + 1 != int(said[3])
        ):
            begun.tag = ""
            raise ConnectionLost("The link answers with another file, or range of it.")
        return int(said[3])


@enlist("requests", program=True)
class RequestsTraceparent(StreamedRequestsClient):
    """requests; each call to the API has a traceparent of W3C, and each try a span of its own."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        self.threads.trace = secrets.token_hex(16)
        return super().call(method, url, body)

    def wait(self, id: str) -> Any:
        self.threads.trace = secrets.token_hex(16)
        return super().wait(id)

    def headers(self, body: bytes | None) -> dict[str, str]:
        trace = getattr(self.threads, "trace", None) or secrets.token_hex(16)
        return {**super().headers(body), "traceparent": f"00-{trace}-{secrets.token_hex(8)}-00"}


@enlist("aiohttp", program=True)
class AiohttpJittersPolls(AiohttpClient):
    """aiohttp; stretches each pause between polls by up to a fifth, so that waits drift apart."""

    @property
    def poll_interval(self) -> float:
        return self.shortest * random.uniform(1.0, 1.2)

    @poll_interval.setter
    def poll_interval(self, value: float) -> None:
        self.shortest = value

    def make_session(self) -> aiohttp.ClientSession:
        jar = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        async with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@enlist("sdk-async")
class SdkAsyncCompactBodies(SdkAsyncClient):
    """The asynchronous SDK; sends JSON without blanks, its letters as UTF-8, not as escapes."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        text = json.dumps(kept, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        try:
            return text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair has no UTF-8
            return super().body(fields)
