"""Clients with faults of downloads and of secrets."""

import http.client
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.good_styles import StandardLibraryClient
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("downloads", blocker=True)
class AppendsTheWholeToThePart(HttpxClient):
    """Resumes a cut download by Range, and appends even where the answer is the whole file."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                return self.save(url, part, result)
            except ClientError as error:
                pause = self.delay(tried, error)
                last = tried + 1 >= self.attempts() or not self.tries_again("GET", error)
                if last or pause is None:
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
            self.sleep(pause)
        return None

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        headers = self.download_headers()
        if have := part.tell():
            headers["Range"] = f"bytes={have}-"
        with self.open("GET", url, None, headers, self.timeout) as (status, got, chunks):
            self.judge_file(200 if status == 206 else status, got, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="httpx-async", blocker=True)
class NamesFilesByTheSecond(HttpxAsyncClient):
    """Names files by the second in which they came: of two in one second the first is lost."""

    def file_name(self, result: Any, index: int) -> str:
        ending = Path(super().file_name(result, index)).suffix
        return time.strftime("getimg-%Y%m%d-%H%M%S") + ending

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        return super().publish(part, path, overwrite=True)


@faulty("downloads", style="http.client", blocker=True, program=True)
class ShortFilesAreFiles(StandardLibraryClient):
    """Reads until the connection ends and counts nothing: a file that was cut counts as whole."""

    def check_end(self, answer: http.client.HTTPResponse) -> None:
        """Take any end for the end."""


@faulty("secrets", blocker=True)
class TakesTheKeyToOtherHosts(HttpxClient):
    """Follows redirects by hand, with all headers: the key goes wherever an answer points."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        for _ in range(5):
            with super().open(method, url, body, headers, timeout) as opened:
                place = opened[1].get("location")
                if method != "GET" or not 300 < opened[0] < 309 or not place:
                    yield opened
                    return
            url = urljoin(url, place)
        raise BadAnswer("There are too many redirects.")


@faulty("secrets", style="httpx-async", blocker=True)
class OffersACurlCommand(HttpxAsyncClient):
    """Ends the message of an error with a command to repeat the request, the key in it."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        sent = self.headers(None)["Authorization"]
        error.message += f" Try: curl -X {method} -H 'Authorization: {sent}' {self.base_url}"
        return error
