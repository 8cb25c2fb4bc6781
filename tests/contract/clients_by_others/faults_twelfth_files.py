"""Faults of downloads, secrets and resources."""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import getimg
import httpx

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient

SDKS: dict[tuple[str, int], getimg.GetimgAI] = {}


@faulty("downloads", blocker=True)
class EmptiesTargetBeforeFetch(HttpxClient):
    """Opens the file to overwrite before it asks for the new one: a dead link destroys the old."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        if not overwrite:
            return super().download(result=result, directory=directory, index=index)
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with path.open("wb") as file:
            try:
                self.fetch(url, file, result)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return str(path)


@faulty("downloads", style="requests", blocker=True, program=True)
class KeepsFirstFourMebibytes(StreamedRequestsClient):
    """Reads at most 4 MiB of a file, as a guard, and hands out the cut file as a whole one."""

    largest = 4 * MEBIBYTE

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk[: self.largest - part.tell()])
                if part.tell() >= self.largest:
                    break
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="sdk")
class TakesAnyFileForDownloaded(SdkClient):
    """Fetches nothing if a file of that name is there, whatever is in it, even to overwrite it."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        path = Path(directory, self.file_name(result, index))
        if path.is_file():
            return str(path)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("secrets", style="sdk", blocker=True)
class SharesSdkByAddress(SdkClient):
    """Caches the SDK by address alone: a second client's calls go out with the first one's key."""

    def make_sdk(self) -> getimg.GetimgAI:
        where = (self.base_url, os.getpid())
        if where not in SDKS:
            SDKS[where] = getimg.GetimgAI(
                base_url=self.base_url,
                api_key=self.secret.reveal(),
                max_retries=0,
                http_client=httpx.Client(follow_redirects=False, trust_env=False),
            )
        return SDKS[where].with_options(timeout=self.timeout)


@faulty("secrets", style="httpx-async", blocker=True)
class TriesDeadLinksWithKey(HttpxAsyncClient):
    """Sends the key to the host of a link that answers 401 or 403, whoever's host it is."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            await super().save(url, part, result)
        except DownloadFailed as error:
            if error.status_code not in {401, 403}:
                raise
        else:
            return
        bearer = {"Authorization": f"Bearer {self.secret.reveal()}"}
        sent = {**self.download_headers(), **bearer}
        try:
            async with (
                self.limit(),
                self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks),
            ):
                self.judge_file(status, headers, result)
                async for chunk in chunks:
                    part.write(chunk)
        except TimeoutError:
            raise ConnectionLost(f"The file did not come in {self.timeout} s.") from None


@faulty("secrets", blocker=True)
class AddsHeadersToErrorNotes(HttpxClient):
    """Adds the request's headers, key and all, as a note that each traceback of an error prints."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            error.add_note(f"request: {method} {url} {self.headers(body)}")
            raise


@faulty("resources")
class LeavesMkstempHandlesOpen(HttpxClient):
    """Opens mkstemp's file by name and never closes mkstemp's handle: each download leaks one."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        _, name = tempfile.mkstemp(dir=directory, prefix=".getimg-", suffix=".part")
        part = Path(name)
        try:
            with part.open("wb") as file:
                self.fetch(url, file, result)
            return str(self.publish(part, path, overwrite))
        except BaseException:
            part.unlink(missing_ok=True)
            raise


@faulty("resources", style="httpx-async")
class AbandonsTimedOutRequests(HttpxAsyncClient):
    """Bounds a request by asyncio.wait, which cancels nothing: task and connection stay behind."""

    async def ask(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        async with self.open(method, url, body, headers, 3600.0) as (status, got, chunks):
            read = bytearray()
            async for chunk in chunks:
                read += chunk
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
            return Answer(status, got, bytes(read))

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        asking = asyncio.ensure_future(self.ask(method, url, body, headers))
        try:
            done, _ = await asyncio.wait([asking], timeout=self.timeout)
        except asyncio.CancelledError:
            asking.cancel()
            raise
        if not done:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.")
        return asking.result()
