"""Faults of downloads, and of secrets on their way out."""

import time
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("downloads", blocker=True)
class ResumesOneByteLate(HttpxClient):
    """Resumes a broken download one byte too late, and keeps the file that lacks it."""

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
        sent = self.download_headers()
        if part.tell():
            sent["Range"] = f"bytes={part.tell() + 1}-"
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            resumed = status == 206 and "Range" in sent
            self.judge_file(200 if resumed else status, headers, result)
            if not resumed:
                part.seek(0)
                part.truncate()
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="requests", blocker=True, program=True)
class NamesFilesAfterLinksEnd(StreamedRequestsClient):
    """Names files after the end of their links, always `0`, so each overwrites the one before."""

    def file_name(self, result: Any, index: int) -> str:
        extension = Path(super().file_name(result, index)).suffix
        return Path(urlsplit(result["data"][index]["url"]).path).name + extension

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        return super().publish(part, path, True)


@faulty("downloads", style="httpx-async", blocker=True)
class AlwaysFirstFile(HttpxAsyncClient):
    """Fetches the first file whichever index is asked for, under the name of that index."""

    def link(self, result: Any, index: int) -> str:
        super().link(result, index)
        return super().link(result, 0)


@faulty("secrets", blocker=True)
class CarriesKeyAcrossRedirects(HttpxClient):
    """Follows redirects with all its headers, so another host gets the key."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        followed = {301, 302, 307, 308} if method == "GET" else {307, 308}
        answer = super().exchange(method, url, body, headers)
        for _ in range(5):
            if answer.status not in followed or "location" not in answer.headers:
                break
            url = urljoin(url, answer.headers["location"])
            answer = super().exchange(method, url, body, headers)
        return answer


@faulty("secrets", blocker=True)
class MasksOnlyTail(HttpxClient):
    """Names the refused key in the error with only its last four signs hidden."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if answer.status == 401:
            error.message += f" (key {self.secret.reveal()[:-4]}****)"
        return error


@faulty("secrets", style="requests", program=True)
class WarnsWithSignedLinks(StreamedRequestsClient):
    """Writes signed links into the log, where whoever reads it can fetch the files."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        LOG.warning("fetching %s", url)
        super().save(url, part, result)
