"""Faults of downloads, secrets and resources, each in one place."""

import http.client
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client, lowered


@faulty("downloads", blocker=True)
class RemovesOldFileFirst(HttpxClient):
    """Removes the file to be overwritten before the new one is there: a dead link costs the old."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="urllib3", blocker=True, program=True)
class ResumesFileOneLate(Urllib3Client):
    """Asks for the rest of a broken file from one byte too far on, and joins the two with a gap."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                self.go_on(url, part, result)
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

    def go_on(self, url: str, part: IO[bytes], result: Any) -> None:
        have = part.tell()
        if not have:
            self.save(url, part, result)
            return
        until = time.monotonic() + self.timeout
        sent = {**self.download_headers(), "Range": f"bytes={have + 1}-"}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            rest = headers.get("content-range", "").startswith(f"bytes {have + 1}-")
            if status != 206 or not rest:
                part.seek(0)
                part.truncate()
            self.judge_file(200 if status == 206 and rest else status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="sdk", blocker=True)
class CutsIdsToSixSigns(SdkClient):
    """Names files by the first six signs of the id, which all ids share: one overwrites another."""

    def file_name(self, result: Any, index: int) -> str:
        return super().file_name({**result, "id": str(result["id"])[:6]}, index)


@faulty("secrets", blocker=True)
class KeepsApiKeyHeaderOnRedirect(HttpxClient):
    """Sends its key as X-Api-Key too, which httpx does not drop on a redirect to another host."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "X-Api-Key": self.secret.reveal()}

    def make_pool(self) -> httpx.Client:
        return httpx.Client(follow_redirects=False, trust_env=False, max_redirects=5)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        reads = method == "GET" and "Authorization" in headers
        asked = self.http.build_request(method, url, content=body, headers=headers, timeout=timeout)
        try:
            answer = self.http.send(asked, stream=True, follow_redirects=reads)
            self.http.cookies.clear()
            try:
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
            finally:
                answer.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("secrets", style="httpx-async", blocker=True)
class NotesSentHeadersOnErrors(HttpxAsyncClient):
    """Adds what it sent to an error as a note, so that tracebacks and logs show the key."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return await super().attempt(method, url, body)
        except ClientError as error:
            error.add_note(f"sent: {method} {url} {self.headers(body)}")
            raise


@faulty("secrets", style="urllib3", blocker=True, program=True)
class QuotesKeyItRefuses(Urllib3Client):
    """Quotes a key that it refuses, such as one with a line break at its end, in the error."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 3,
        wait_timeout: float = 900.0,
        poll_interval: float = 5.0,
    ) -> None:
        try:
            super().__init__(
                base_url=base_url,
                key=key,
                timeout=timeout,
                max_retries=max_retries,
                wait_timeout=wait_timeout,
                poll_interval=poll_interval,
            )
        except ValueError:
            raise ValueError(f"{key!r} is no key that a header may carry.") from None


@faulty("resources", style="stdlib", program=True)
class KeepsLinePerUrl(StdlibClient):
    """Keeps connections for reuse by whole address, so that each video and each file leaves one."""

    def prepare(self) -> None:
        self.lines: dict[str, http.client.HTTPConnection] = {}

    def line_for(self, method: str, url: str, timeout: float) -> http.client.HTTPConnection:
        line = self.lines.pop(url, None) if method == "GET" else None
        if line is not None and not select.select([line.sock], [], [], 0)[0]:
            return line
        if line is not None:
            line.close()
        return self.connect(url, timeout)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        line, kept = self.line_for(method, url, timeout), False
        try:
            answer = self.ask(line, method, url, body, headers)
            got = {name.lower(): value for name, value in answer.getheaders()}
            self.plain(got)
            yield answer.status, got, self.chunks(answer)
            kept = method == "GET" and not answer.will_close
            kept = kept and (answer.isclosed() or answer.length == 0)
            if kept:
                answer.close()
                self.lines[url] = line
        finally:
            if not kept:
                line.close()

    def close(self) -> None:
        while self.lines:
            self.lines.popitem()[1].close()


@faulty("resources", style="threads")
class LeavesTimerPerRequest(HttpxClient):
    """Starts a timer for each request and never cancels it: its thread stays for the timeout."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        watchdog = threading.Timer(timeout, LOG.debug, ("a %s took over %s s", method, timeout))
        watchdog.daemon = True
        watchdog.start()
        with super().open(method, url, body, headers, timeout) as opened:
            yield opened
