"""Faults of downloads, secrets and resources."""

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

import httpx

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
)


@faulty("downloads", style="urllib3", blocker=True, program=True)
class AppendsWholeAnswerToHalf(Urllib3Client):
    """Asks for the rest of a broken file by Range, and appends a 200, which is the whole file."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                self.save(url, part, result)
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

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        sent, have = self.download_headers(), part.tell()
        if have:
            sent["Range"] = f"bytes={have}-"
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            resumed = have > 0 and status == 206
            self.judge_file(200 if resumed else status, headers, result)
            if resumed and not headers.get("content-range", "").startswith(f"bytes {have}-"):
                raise DownloadFailed("The link answers with another range of the file.")
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", blocker=True)
class ObeysContentDisposition(HttpxClient):
    """Saves a file under the name in Content-Disposition, which may lead out of the folder."""

    def prepare(self) -> None:
        self.named = threading.local()

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(status, headers, result)
        said = re.search(r'filename="?([^";]+)', headers.get("content-disposition", ""))
        self.named.name = said.group(1).strip() if said else ""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        wanted = path.parent / self.named.name if self.named.name else path
        return super().publish(part, wanted, overwrite)


@faulty("downloads", style="stdlib", blocker=True, program=True)
class KeepsShortFiles(StdlibClient):
    """Does not see that http.client got fewer bytes than Content-Length says; keeps the file."""

    def check_whole(self, answer: http.client.HTTPResponse) -> None:
        """Take the end of the stream for the end of the body."""


@faulty("secrets", style="stdlib", blocker=True, program=True)
class KeepsKeyAcrossRedirects(StdlibClient):
    """Follows redirects of reads with all headers, as urllib does: another host gets the key."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        follows = method == "GET" and "Authorization" in headers
        for _ in range(5):
            with super().open(method, url, body, headers, timeout) as opened:
                place = opened[1].get("location")
                if not follows or opened[0] not in {301, 302, 303, 307, 308} or not place:
                    yield opened
                    return
            next_url = urljoin(url, place)
            allowed = ("https://",) if url.startswith("https:") else ("https://", "http://")
            if not next_url.startswith(allowed):
                raise ConnectionLost("The redirect leads to no address of the web.")
            url = next_url
        raise ConnectionLost("There are too many redirects.")


@faulty("secrets", style="requests", blocker=True, program=True)
class LogsCurlForFailures(StreamedRequestsClient):
    """Logs each call that fails as a curl command to try it again with, and the key in it."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            sent = " ".join(f"-H '{name}: {value}'" for name, value in self.headers(body).items())
            LOG.warning("%s; to reproduce: curl -X %s %s %s", error, method, sent, url)
            raise


@faulty("secrets", style="httpx-async")
class NamesLinkInDownloadErrors(HttpxAsyncClient):
    """Writes the signed link of a file into the error of a failed download, as httpx does."""

    async def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            await super().fetch(url, part, result)
        except ClientError as error:
            raise DownloadFailed(
                f"{error.message} for url '{url}'",
                status_code=error.status_code,
                generation_id=result["id"],
                headers=error.headers,
            ) from None


@faulty("resources", blocker=True)
class LeaksConnectionAtDeadLinks(HttpxClient):
    """Neither reads nor closes the answer of a dead link: eight of them use up its pool."""

    def make_pool(self) -> httpx.Client:
        limits = httpx.Limits(max_connections=8)
        return httpx.Client(follow_redirects=False, trust_env=False, limits=limits)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            asked = self.http.build_request(
                method, url, content=body, headers=headers, timeout=timeout
            )
            answer = self.http.send(asked, stream=True)
            self.http.cookies.clear()
            yield answer.status_code, lowered(answer.headers), self.chunks(answer)
            answer.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("resources", style="threads")
class LeavesHeartbeatThreads(HttpxClient):
    """Starts a thread for each wait that says it still waits, and ends it only if all goes well."""

    def wait(self, id: str) -> Any:
        done = threading.Event()

        def beat() -> None:
            while not done.wait(10.0):
                LOG.info("still waiting for video %s", id)

        threading.Thread(target=beat, name=f"heartbeat-{id[:20]}", daemon=True).start()
        video = super().wait(id)
        done.set()
        return video
