"""Clients with one fault each: downloads, resources and requests."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
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
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
    pieces,
)

# downloads


@faulty("downloads", style="httpx", blocker=True)
class AppendsWhateverAnswersAResumedDownload(HttpxClient):
    """Resumes a file by Range and appends a 200 or an error page too: a corrupt file."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                return self.save(url, part, result)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until, have = time.monotonic() + self.timeout, part.tell()
        asked = self.download_headers()
        if have:
            asked["Range"] = f"bytes={have}-"
        with self.open("GET", url, None, asked, self.timeout) as (status, headers, chunks):
            if not have:
                self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="sdk", blocker=True)
class TakesAnyFileOfThatNameForDone(SdkClient):
    """Skips the download if a file has the name already: half a file of a crash is the result."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        path = Path(directory, self.file_name(result, index))
        if path.exists() and not overwrite:
            return str(path)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="httpx-async")
class AsksByHeadBeforeEachDownload(HttpxAsyncClient):
    """Sends HEAD to the link first: where links are signed for GET alone, no file is saved."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        opened = self.open("HEAD", url, None, self.download_headers(), self.timeout)
        try:
            async with self.limit(), opened as (status, headers, chunks):
                self.judge_file(status, headers, result)
                async for _ in chunks:
                    pass
        except TimeoutError:
            raise ConnectionLost(f"The head did not come in {self.timeout} s.") from None
        await super().save(url, part, result)


# resources


@faulty("resources", style="httpx-async")
class LeavesThePartOfACancelledDownload(HttpxAsyncClient):
    """Removes the part on Exception only: each cancelled download leaves its bytes on the disk."""

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


@faulty("resources", style="urllib3", blocker=True, program=True)
class LosesAPooledConnectionWithEachUnreadAnswer(Urllib3Client):
    """Never gives back a connection whose answer it refuses unread: after four, all calls hang."""

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
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            raise ConnectionFailed("No connection.") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


# requests


@faulty("requests", style="httpx", blocker=True)
class LetsFieldsStickToTheNextOrder(HttpxClient):
    """Merges each order into its defaults: references and sound of one order go into the next."""

    def prepare(self) -> None:
        self.defaults: dict[str, dict[str, Any]] = {"image": {}, "video": {}}

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        order = self.defaults[kind]
        order.update(fields)
        return super().submit(kind, shape, order)


@faulty("requests", style="stdlib", program=True)
class CutsPromptsAtFourThousandBytes(StdlibClient):
    """Takes the limit of 4096 characters for bytes: a long Japanese prompt is cut silently."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        if isinstance(prompt, str):
            coded = prompt.encode("utf-8", "replace")
            if len(coded) > 4096:
                fields = {**fields, "prompt": coded[:4096].decode("utf-8", "ignore")}
        return super().body(fields)


@faulty("requests", style="httpx")
class RelabelsMomentsAsUtc(HttpxClient):
    """Replaces the zone of start and end by UTC: the costs are of other hours than those asked."""

    def moment(self, value: datetime | str) -> str:
        given = datetime.fromisoformat(super().moment(value).upper())
        return given.replace(tzinfo=UTC).isoformat()
