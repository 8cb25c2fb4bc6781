"""Faulty clients of a twenty-ninth author: downloads, resources and requests."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import urllib3

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
    pieces,
)


@faulty("downloads", blocker=True)
class NamesFilesByTheStartOfTheId(HttpxClient):
    """Names a file by eight signs of the id, which are a date: the next one replaces it."""

    def file_name(self, result: Any, index: int) -> str:
        short = str(result["id"])[:8]
        return super().file_name({**result, "id": short}, index)


@faulty("downloads", blocker=True)
class ResumesAtTheSizeOnDisk(HttpxClient):
    """Resumes at the size on disk, with bytes still in the buffer: some are in the file twice."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            have = Path(part.name).stat().st_size if tried else None
            try:
                self.save_rest(url, part, result, have)
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

    def save_rest(self, url: str, part: IO[bytes], result: Any, have: int | None) -> None:
        until = time.monotonic() + self.timeout
        asked = {} if have is None else {"Range": f"bytes={have}-"}
        sent = {**self.download_headers(), **asked}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            follows = headers.get("content-range", "").startswith(f"bytes {have}-")
            if status in {200, 416}:
                part.seek(0)
                part.truncate()
            if status == 416:
                raise ConnectionLost("There is no such range; from the start again.")
            self.judge_file(200 if status == 206 and follows else status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("resources", style="urllib3", blocker=True, program=True)
class KeepsTheConnectionsOfRefusedDownloads(Urllib3Client):
    """Gives back a connection of its pool of four after success only: then it hangs for good."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.manager = urllib3.PoolManager(maxsize=4, block=True)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            answer = self.manager.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            yield answer.status, lowered(answer.headers), pieces(answer)
            answer.release_conn()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            raise ConnectionFailed("No connection.") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("requests", style="httpx-async")
class CutsPromptsAtSoManyBytes(HttpxAsyncClient):
    """Takes 4096 characters for bytes and cuts: pays for half of a prompt in Japanese."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        if isinstance(prompt, str):
            coded = prompt.encode("utf-8", "surrogatepass")
            if len(coded) > 4096:
                fields = {**fields, "prompt": coded[:4096].decode("utf-8", "ignore")}
        return super().body(fields)


@faulty("requests", style="sdk")
class QuotesReferencesTwice(SdkClient):
    """Quotes the addresses of references that are quoted: %2F is %252F, and signed ones break."""

    def quoted(self, image: Any) -> Any:
        if not isinstance(image, dict) or not isinstance(image.get("url"), str):
            return image
        return {**image, "url": quote(image["url"], safe=":/?#[]@!$&'()*+,;=~")}

    def body(self, fields: dict[str, Any]) -> bytes:
        images = fields.get("images")
        if isinstance(images, list):
            fields = {**fields, "images": [self.quoted(image) for image in images]}
        return super().body(fields)
