"""Clients with one fault each: downloads, resources and requests."""

import asyncio
import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import urllib3

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
    pieces,
)

LARGEST_FILE = 10 * MEBIBYTE  # the docs: an image has at most 10 MiB
LONGEST_PROMPT = 4096
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


@faulty("downloads", style="httpx", blocker=True)
class AppendsWholeFileToItsFirstHalf(HttpxClient):
    """Resumes by Range and appends a 200 as if it were a 206: the file is half and whole."""

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
        until, written = time.monotonic() + self.timeout, part.tell()
        sent = self.download_headers()
        if written:
            sent["Range"] = f"bytes={written}-"
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            if written and status == 416:
                part.seek(0)
                part.truncate()
                raise ConnectionLost("There is nothing to resume: the file starts anew.")
            self.judge_file(200 if written and status == 206 else status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="sdk-async", blocker=True)
class DeletesTheOldFileBeforeItFetches(SdkAsyncClient):
    """Makes room for overwrite=True at once: when the fetch fails, the old file is gone too."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return await super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="httpx")
class CapsFilesAtTheLimitOfReferences(HttpxClient):
    """Takes the 10 MiB of references for a limit of results: large paid files are refused."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if part.tell() > LARGEST_FILE:
                    raise DownloadFailed("The file is larger than any of the API.")
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("resources", style="urllib3", blocker=True, program=True)
class ReleasesConnectionsOnSuccessOnly(Urllib3Client):
    """Keeps the connection of each refused download: four later, every call hangs for good."""

    def prepare(self) -> None:
        self.places = urllib3.PoolManager(maxsize=4, block=True)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            answer = self.places.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            got = lowered(answer.headers)
            self.plain(got)
            yield answer.status, got, pieces(answer)
            answer.release_conn()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            raise ConnectionFailed("No connection.") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("resources", style="httpx-async")
class ShieldsThePollerFromItsDeadline(HttpxAsyncClient):
    """Shields the task that polls: after a WaitTimeout or a cancel it polls on, unseen."""

    async def wait(self, id: str) -> Any:
        poller = asyncio.ensure_future(self.watch(id))
        try:
            async with asyncio.timeout(self.wait_timeout):
                return await asyncio.shield(poller)
        except TimeoutError:
            late = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            self.name(late, id)
            raise late from None
        except BaseException as error:
            self.name(error, id)
            raise

    async def watch(self, id: str) -> Any:
        began, pause = time.monotonic(), self.poll_interval
        while True:
            await self.sleep(pause)
            await self.pace()
            pause = self.poll_interval
            try:
                video, told = await self.poll(id)
            except ClientError as error:
                if not self.survivable(error, time.monotonic() - began):
                    raise
                pause = max(pause, self.told(error.headers) or 0.0)
                continue
            if self.ended(video):
                return video
            pause = max(pause, told)


@faulty("requests", style="requests", program=True)
class SendsAnEmptyBodyTheSecondTime(StreamedRequestsClient):
    """Hands one stream to all tries of an order: after a 429 the retry is empty, and refused."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        upload: Any = None if body is None else io.BytesIO(body)
        return super().call(method, url, upload)


@faulty("requests", style="sdk")
class CutsPromptsAtBytes(SdkClient):
    """Cuts prompts to 4096 bytes, not characters: a long Japanese one loses two thirds, paid."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        if isinstance(prompt, str):
            raw = prompt.encode("utf-8", "surrogatepass")
            if len(raw) > LONGEST_PROMPT:
                fields = {**fields, "prompt": raw[:LONGEST_PROMPT].decode("utf-8", "ignore")}
        return super().body(fields)


@faulty("requests", style="httpx", blocker=True)
class RedactsOnlyLowerCaseHeaders(HttpxClient):
    """Logs the headers of failed requests; looks for 'authorization' only: the key is logged."""

    def shown(self, headers: dict[str, str]) -> dict[str, str]:
        return {name: "***" if name in SECRET_HEADERS else said for name, said in headers.items()}

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            sent = self.shown(self.headers(body))
            LOG.warning("%s %s failed: %s; sent with %s", method, url, error, sent)
            raise
