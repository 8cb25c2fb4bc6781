"""Good clients: each makes an unusual choice about files or bodies, and each choice is legal."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import Urllib3Client

PLACE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)


class Half:
    """What is known of a file of which a part has come."""

    def __init__(self) -> None:
        self.tag = ""

    def learn(self, headers: dict[str, str]) -> None:
        tag = headers.get("etag", "").strip()
        self.tag = tag if re.fullmatch(r'"[\x21\x23-\x7e]*"', tag) else ""

    def asks(self, have: int) -> dict[str, str]:
        return {"Range": f"bytes={have}-", "If-Range": self.tag} if have and self.tag else {}

    def rest(self, have: int, headers: dict[str, str]) -> int | None:
        """Return the size of the whole file, if the answer is all the rest of it."""
        place = PLACE.fullmatch(headers.get("content-range", "").strip())
        if place is None or headers.get("etag", self.tag).strip() != self.tag:
            return None
        first, last, size = map(int, place.groups())
        return size if first == have and last + 1 == size else None


@enlist("httpx-async")
class HttpxAsyncResumesByEtag(HttpxAsyncClient):
    """Takes a broken file up where it broke, by Range with If-Range; a whole answer starts anew."""

    async def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        half = Half()
        for tried in range(self.attempts()):
            try:
                await self.proceed(url, part, result, half)
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

    async def proceed(self, url: str, part: IO[bytes], result: Any, half: Half) -> None:
        have = part.tell()
        asked = half.asks(have)
        sent = {**self.download_headers(), **asked}
        opened = self.open("GET", url, None, sent, self.timeout)
        try:
            async with self.limit(), opened as (status, headers, chunks):
                size = self.begin(status, headers, part, result, half if asked else None)
                if size is None:
                    half.learn(headers)
                async for chunk in chunks:
                    part.write(chunk)
        except TimeoutError:
            raise ConnectionLost(f"The file did not come in {self.timeout} s.") from None
        if size is not None and part.tell() != size:
            half.tag = ""
            raise ConnectionLost("The rest of the file has another length than it said.")

    def begin(
        self,
        status: int,
        headers: dict[str, str],
        part: IO[bytes],
        result: Any,
        half: Half | None,
    ) -> int | None:
        """Return the size of the whole file if its rest comes, None if it comes from its start."""
        if half is not None and status in {206, 416}:
            size = half.rest(part.tell(), headers) if status == 206 else None
            if size is None:
                half.tag = ""
                raise ConnectionLost("The answer is not the rest of the file.")
            self.judge_file(200, headers, result)
            return size
        self.judge_file(status, headers, result)
        part.seek(0)
        part.truncate()
        return None


@enlist("urllib3", program=True)
class Urllib3DigestInNames(Urllib3Client):
    """urllib3; a file's name ends with the beginning of its content's SHA-256."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return super().publish(part, path.with_stem(f"{path.stem}-{digest}"), overwrite)


@enlist("requests", program=True)
class RequestsNumbersCalls(StreamedRequestsClient):
    """requests; sends an X-Request-Id with each call, the same at each try."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        self.threads.call = str(uuid.uuid4())
        try:
            return super().call(method, url, body)
        finally:
            self.threads.call = None

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent, call = super().headers(body), getattr(self.threads, "call", None)
        return {**sent, "X-Request-Id": call or str(uuid.uuid4())}


@enlist("stdlib", program=True)
class StdlibPlainUtf8(StdlibClient):
    """http.client; sends prompts as UTF-8 without escapes, in short JSON with its names sorted."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        short: dict[str, Any] = {"separators": (",", ":"), "sort_keys": True, "allow_nan": False}
        try:
            return json.dumps(kept, ensure_ascii=False, **short).encode()
        except UnicodeEncodeError:  # half of a surrogate pair has no UTF-8, but an escape
            return json.dumps(kept, **short).encode()

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        if body is not None:
            sent["Content-Type"] = "application/json; charset=utf-8"
        return sent
