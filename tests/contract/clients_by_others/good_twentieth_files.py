"""Good clients: each treats files or requests in an unusual way, and each way is legal."""

import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import IO, Any

import aiohttp

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient

STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]*"')
PLACE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)


class PollProgress:
    """What is known of a file that came in part: its strong tag, or "" if it has none."""

    tag = ""


@enlist("httpx")
class HttpxResumesStrongTags(HttpxClient):
    """Fetches the rest of a broken file by Range and If-Range, if the file has a strong ETag."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        progress = PollProgress()
        for tried in range(self.attempts()):
            try:
                self.save_rest(url, part, result, progress)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                if not progress.tag:
                    self.rewind(part)
                self.sleep(pause)
            else:
                return

    def rewind(self, part: IO[bytes]) -> None:
        part.seek(0)
        part.truncate()

    def rest(self, have: int, headers: dict[str, str], progress: PollProgress) -> int:
        """Return the size of the whole file of which this answer has the rest, or a part of it."""
        place = PLACE.fullmatch(headers.get("content-range", "").strip())
        tag, progress.tag = progress.tag, ""
        if place is None or int(place[1]) != have or headers.get("etag", tag) != tag:
            raise ConnectionLost("The link answers with something else than the rest.")
        progress.tag = tag
        return int(place[3])

    def save_rest(self, url: str, part: IO[bytes], result: Any, progress: PollProgress) -> None:
        until, have = time.monotonic() + self.timeout, part.tell()
        sent, whole = self.download_headers(), None
        if have:
            sent |= {"Range": f"bytes={have}-", "If-Range": progress.tag}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            if have and status == 416:
                progress.tag = ""
                raise ConnectionLost("The file has no such rest.")
            resumed = have > 0 and status == 206
            self.judge_file(200 if resumed else status, headers, result)
            if resumed:
                whole = self.rest(have, headers, progress)
            else:
                self.rewind(part)
                tag = headers.get("etag", "").strip()
                progress.tag = tag if STRONG_TAG.fullmatch(tag) else ""
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")
        if whole is not None and part.tell() != whole:
            raise ConnectionLost("The rest of the file came in part.")


@enlist("requests", program=True)
class RequestsPlainUtf8(StreamedRequestsClient):
    """Sends JSON as compact UTF-8 with sorted names; escapes only what UTF-8 cannot carry."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        style: dict[str, Any] = {"allow_nan": False, "sort_keys": True, "separators": (",", ":")}
        try:
            return json.dumps(kept, ensure_ascii=False, **style).encode()
        except UnicodeEncodeError:
            return json.dumps(kept, **style).encode()


@enlist("aiohttp", program=True)
class AiohttpNamesByContent(AiohttpClient):
    """Adds a part of a file's SHA-256 to its name, so that equal names mean equal files."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        async with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        with part.open("rb") as whole:
            digest = hashlib.file_digest(whole, "sha256").hexdigest()[:16]
        return super().publish(part, path.with_stem(f"{path.stem}-{digest}"), overwrite)

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@enlist("sdk")
class SdkFilesApart(SdkClient):
    """The official SDK; each file comes over a pool of its own, which is closed behind it."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        if "Authorization" in headers:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
            return
        files = HttpxClient(base_url=self.base_url, key=self.secret.reveal())
        with closing(files), files.open(method, url, body, headers, timeout) as opened:
            yield opened
