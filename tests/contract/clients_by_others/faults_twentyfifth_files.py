"""Faults in downloads, resources and requests."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import urllib3

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
    pieces,
)


@faulty("downloads", style="httpx", blocker=True)
class AppendsTheWholeFileToItsFirstPart(HttpxClient):
    """Resumes by Range but takes 200 for 206: the file has its beginning twice."""

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
        headers = self.download_headers()
        if part.tell():
            headers["Range"] = f"bytes={part.tell()}-"
        with self.open("GET", url, None, headers, self.timeout) as (status, got, chunks):
            self.judge_file(200 if status == 206 else status, got, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="sdk", blocker=True)
class RemembersFilesByGenerationAlone(SdkClient):
    """Gives the first file for every index of a result: the others are never fetched."""

    def prepare(self) -> None:
        self.fetched: dict[str, str] = {}

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        known = self.fetched.get(result["id"])
        if known is not None and not overwrite and Path(known).exists():
            return known
        path = super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )
        self.fetched[result["id"]] = path
        return path


@faulty("downloads", style="stdlib", program=True)
class KnocksAgainAtDeadLinks(StdlibClient):
    """Tries a link that is expired or unknown until its tries run out: late news, vain load."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        if isinstance(error, DownloadFailed) and error.status_code is not None:
            return True
        return super().tries_again(method, error)


@faulty("resources", style="urllib3", blocker=True, program=True)
class KeepsTheConnectionOfARefusedFile(Urllib3Client):
    """Returns no connection after a refused file: after five the pool is empty, and it hangs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.manager = urllib3.PoolManager(maxsize=5, block=True)

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


@faulty("resources", style="httpx-async")
class CleansUpAfterErrorsButNotCancels(HttpxAsyncClient):
    """Removes the temporary file on Exception only: each cancelled download leaves its part."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                await self.fetch(url, part, result)
                part.close()
                return str(self.publish(Path(part.name), path, overwrite))
            except Exception:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise


@faulty("requests", style="httpx", blocker=True)
class UpdatesItsDefaultsWithEachOrder(HttpxClient):
    """Writes each order into the shared defaults: the next has the last one's references."""

    def prepare(self) -> None:
        self.defaults: dict[str, dict[str, Any]] = {
            "image": {"output_format": "jpeg"},
            "video": {"sound": False},
        }

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        order = self.defaults[kind]
        order.update(fields)
        return super().submit(kind, shape, order)


@faulty("requests", style="sdk-async")
class RemembersModelsWhateverTheType(SdkAsyncClient):
    """Keeps the first model list for any type: who asks for videos is given images."""

    def prepare(self) -> None:
        self.known: list[Any] = []
        self.known_until = 0.0

    async def models(self, type: str | None = None) -> Any:
        if not self.known or time.monotonic() > self.known_until:
            self.known = await super().models(type)
            self.known_until = time.monotonic() + 300
        return list(self.known)


@faulty("requests", style="requests", program=True)
class WritesEveryZoneAsUtc(StreamedRequestsClient):
    """Puts Z in the place of any offset: costs are those of another range, hours away."""

    def moment(self, value: datetime | str) -> str:
        said = datetime.fromisoformat(super().moment(value).upper())
        return said.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
