"""Good clients that make unusual but legal choices in downloads, retries and connections."""

import re
import time
from typing import IO, Any

import httpx
import trio

from tests.contract.clients_by_others.async_transports import TrioClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient


class Progress:
    """What is known of a file that came in part."""

    etag = ""  # a strong one, or none: then there is no resuming


@enlist("stdlib", program=True)
class StdlibResumesByIfRange(StdlibClient):
    """http.client; asks for the rest of a broken file by If-Range if its ETag is a strong one."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        progress = Progress()
        for tried in range(self.attempts()):
            try:
                self.resume(url, part, result, progress)
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

    def resume(self, url: str, part: IO[bytes], result: Any, progress: Progress) -> None:
        until = time.monotonic() + self.timeout
        have = part.tell() if progress.etag else 0
        sent = self.download_headers()
        if have:
            sent |= {"Range": f"bytes={have}-", "If-Range": progress.etag}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            total = self.place(status, headers, have, progress)
            self.judge_file(200 if total else status, headers, result)
            if not total:
                part.seek(0)
                part.truncate()
                etag = headers.get("etag", "")
                progress.etag = etag if etag.startswith('"') else ""
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")
        if total and part.tell() != total:
            raise ConnectionLost(f"The file has {part.tell()} of {total} bytes.")

    def place(self, status: int, headers: dict[str, str], have: int, progress: Progress) -> int:
        """Return the file's length if this is its rest, 0 if it is not; else begin anew."""
        if not have or status not in {206, 416}:
            return 0
        said = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", headers.get("content-range", ""), re.ASCII)
        same = headers.get("etag", progress.etag) == progress.etag
        if status == 206 and said and int(said[1]) == have and same:
            return int(said[2])
        progress.etag = ""
        raise ConnectionLost("The rest of the file is not to be had.")


@enlist("sdk-async")
class SdkAsyncFreshConnections(SdkAsyncClient):
    """The asynchronous SDK without keep-alive: no request meets a connection that went stale."""

    def make_pool(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.AsyncClient(follow_redirects=False, trust_env=False, limits=limits)


@enlist("requests", program=True)
class RequestsRetryWindow(StreamedRequestsClient):
    """requests; tries again within 45 s of the first try alone, and no oftener than was asked."""

    window = 45.0

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        until = time.monotonic() + self.window
        tries = self.attempts()
        for tried in range(tries):
            try:
                return self.attempt(method, url, body)
            except ClientError as error:
                if tried + 1 >= tries or not self.tries_again(method, error):
                    raise
                pause = self.delay(tried, error)
                if pause is None or time.monotonic() + pause > until:
                    raise
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")


@enlist("trio", program=True)
class TrioTwoDownloadsAtOnce(TrioClient):
    """httpx under trio; fetches two files at a time, and the others wait for their turn."""

    def prepare(self) -> None:
        self.turns = trio.Semaphore(2)

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        async with self.turns:
            return await super().download(
                result=result, directory=directory, index=index, overwrite=overwrite
            )
