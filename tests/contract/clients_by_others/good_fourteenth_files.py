"""Good clients: each treats files, or what it sends, in an unusual way that is legal."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urljoin

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened

MOVED = frozenset({301, 302, 303, 307, 308})
RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


@enlist("stdlib", program=True)
class StdlibFollowsMovedFiles(StdlibClient):
    """http.client; follows up to five redirects of files, which carry no key; of calls, none."""

    def target(self, url: str, place: str) -> str:
        try:
            found = urljoin(url, quote(place, safe="%/:=&?~#+!$,;'@()*[]"))
        except ValueError:
            raise DownloadFailed("The link leads to no address.") from None
        secure = url.lower().startswith("https:")
        if not found.lower().startswith(("https://",) if secure else ("https://", "http://")):
            raise DownloadFailed("The link leads to an address that is not fetched from.")
        return found

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        follows = method == "GET" and "Authorization" not in headers
        for _ in range(6):
            with super().open(method, url, body, headers, timeout) as opened:
                place = opened[1].get("location", "")
                if not follows or opened[0] not in MOVED or not place:
                    yield opened
                    return
            url = self.target(url, place)
        raise DownloadFailed("The link leads on and on.")


@enlist("httpx-async")
class HttpxAsyncResumesFiles(HttpxAsyncClient):
    """Fetches the rest of a broken file by Range, if a strong ETag says that it is the same."""

    def fits(self, headers: dict[str, str], have: int, tag: str) -> int | None:
        """Return the size of the whole file if the answer is its rest."""
        said = RANGE.fullmatch(headers.get("content-range", "").strip())
        if said is None or headers.get("etag", tag).strip() != tag:
            return None
        first, last, size = map(int, said.groups())
        return size if first == have and last == size - 1 else None

    async def piece(self, url: str, part: IO[bytes], result: Any, tag: list[str]) -> None:
        have, sent = part.tell(), self.download_headers()
        resuming = bool(have and tag)
        if resuming:
            sent |= {"Range": f"bytes={have}-", "If-Range": tag[0]}
        async with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            size = None
            if resuming and status in {206, 416}:
                size = self.fits(headers, have, tag[0]) if status == 206 else None
                if size is None:
                    tag.clear()
                    raise ConnectionLost("The rest of the file does not fit.")
            self.judge_file(200 if size is not None else status, headers, result)
            if size is None:
                part.seek(0)
                part.truncate()
                said = headers.get("etag", "").strip()
                tag[:] = [said] if said.startswith('"') else []
            async for chunk in chunks:
                part.write(chunk)
            if size is not None and part.tell() != size:
                tag.clear()
                raise ConnectionLost("The rest of the file has another length.")

    async def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        tag: list[str] = []
        for tried in range(self.attempts()):
            try:
                async with self.limit():
                    await self.piece(url, part, result, tag)
                return
            except TimeoutError:
                error: ClientError = ConnectionLost(f"No file came in {self.timeout} s.")
            except ClientError as failed:
                error = failed
            last = tried + 1 >= self.attempts() or not self.tries_again("GET", error)
            pause = None if last else self.delay(tried, error)
            if pause is None:
                raise DownloadFailed(
                    str(error), status_code=error.status_code, generation_id=result["id"]
                ) from error
            await self.sleep(pause)


@enlist("requests", program=True)
class RequestsRawUtf8(StreamedRequestsClient):
    """requests; sends its JSON compact, with sorted names, and in UTF-8 without escapes."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        plain = {"allow_nan": False, "sort_keys": True, "separators": (",", ":")}
        try:
            return json.dumps(kept, ensure_ascii=False, **plain).encode()  # type: ignore[arg-type]
        except UnicodeEncodeError:  # half of a surrogate pair has no UTF-8, but an escape
            return json.dumps(kept, **plain).encode()  # type: ignore[arg-type]


@enlist("sdk")
class SdkReadOnlyFiles(SdkClient):
    """The official SDK; leaves files that nobody but their owner reads, and nobody writes."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        part.chmod(0o400)
        return super().publish(part, path, overwrite)
