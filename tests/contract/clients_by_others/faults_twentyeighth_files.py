"""Faulty clients: what goes wrong with files, connections and the text of requests."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import urllib3

from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
    pieces,
)


@faulty("downloads", style="httpx", blocker=True)
class RemovesTheOldFileBeforeTheNewOneIsThere(HttpxClient):
    """Unlinks the file to overwrite before the fetch: a dead link costs the copy one had."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:  # a rename onto a file that is there fails on Windows
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="requests", blocker=True, program=True)
class AppendsTheWholeFileToItsFirstHalf(StreamedRequestsClient):
    """Resumes by Range and appends a 200 just like a 206: the file holds its start twice."""

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
        until, held = time.monotonic() + self.timeout, part.tell()
        sent = self.download_headers()
        if held:
            sent["Range"] = f"bytes={held}-"
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            self.judge_file(200 if held and status == 206 else status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("resources", style="urllib3", blocker=True, program=True)
class GivesConnectionsBackAfterSuccessAlone(Urllib3Client):
    """Keeps the pool's place of each refused link: after four of them every call hangs."""

    def prepare(self) -> None:
        self.bounded = urllib3.PoolManager(maxsize=4, block=True)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            answer = self.bounded.request(
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


@faulty("resources", style="httpx")
class LeavesADescriptorOpenWithEveryFile(HttpxClient):
    """Never closes what mkstemp opened: a worker runs out of descriptors after 1000 files."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        _, name = tempfile.mkstemp(dir=directory, prefix=".getimg-", suffix=".part")
        whole = Path(name)
        try:
            with whole.open("wb") as part:
                self.fetch(url, part, result)
            return str(self.publish(whole, path, overwrite))
        except BaseException:
            whole.unlink(missing_ok=True)
            raise


@faulty("requests", style="stdlib", program=True)
class StampsLocalMomentsAsUtc(StdlibClient):
    """Puts a Z behind any zone's wall clock: costs asked with +02:00 are off by two hours."""

    def moment(self, value: datetime | str) -> str:
        said = datetime.fromisoformat(super().moment(value).upper())
        return said.replace(tzinfo=None).isoformat() + "Z"


@faulty("requests", style="sdk")
class CutsPromptsAtBytesNotCharacters(SdkClient):
    """Cuts prompts at 4096 bytes, not characters: a long Japanese one loses most, unsaid."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        if isinstance(prompt, str):
            coded = prompt.encode("utf-8", "surrogatepass")
            if len(coded) > 4096:
                fields = {**fields, "prompt": coded[:4096].decode("utf-8", "ignore")}
        return super().body(fields)
