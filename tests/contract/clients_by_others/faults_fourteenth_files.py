"""Faults of downloads, secrets and resources, and of downloads at the same time."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import requests

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import BadAnswer, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("downloads", style="sdk", blocker=True)
class HoldsFilesToReferenceLimit(SdkClient):
    """Refuses finished files over 10 MiB, the limit of references: paid ones cannot be fetched."""

    largest = 10 * MEBIBYTE

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)
                if part.tell() > self.largest:
                    raise DownloadFailed("The file is larger than 10 MiB.", status_code=status)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="aiohttp", program=True)
class ReturnsPathItSavedBefore(AiohttpClient):
    """Answers a second download by the first one's path: wrong folder, or a file that is gone."""

    def prepare(self) -> None:
        self.saved: dict[tuple[str, int], str] = {}

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        which = (str(result["id"]), index)
        if which not in self.saved:
            self.saved[which] = await super().download(
                result=result, directory=directory, index=index, overwrite=overwrite
            )
        return self.saved[which]


@faulty("secrets", blocker=True)
class ShowsKeyToStubbornLinks(HttpxClient):
    """Tries a link that answers 401 or 403 again with the key, whatever host it leads to."""

    def prepare(self) -> None:
        self.mood = threading.local()

    def download_headers(self) -> dict[str, str]:
        sent = super().download_headers()
        if getattr(self.mood, "keyed", False):
            sent["Authorization"] = f"Bearer {self.secret.reveal()}"
        return sent

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            super().save(url, part, result)
            return
        except DownloadFailed as error:
            if error.status_code not in {401, 403}:
                raise
        self.mood.keyed = True
        try:
            super().save(url, part, result)
        finally:
            self.mood.keyed = False


@faulty("secrets", style="requests", blocker=True, program=True)
class PrefersNetrcToKey(StreamedRequestsClient):
    """Lets requests read netrc, whose password for the host replaces the key, at links as well."""

    def session(self) -> requests.Session:
        session = super().session()
        session.trust_env = True
        return session


@faulty("secrets", style="sdk", blocker=True)
class PrintsKeyItRefuses(SdkClient):
    """Quotes a key that it refuses, say one with a line feed at its end, in the error's text."""

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
            shown = key or os.environ.get("GETIMG_API_KEY", "")
            raise ValueError(f"Invalid API key: {shown!r}") from None


@faulty("resources", style="threads")
class ForgetsWatchdogTimers(HttpxClient):
    """Starts a timer thread for each request, and never cancels it: they live on for `timeout`."""

    def watch(self, method: str, timeout: float) -> threading.Event:
        done = threading.Event()

        def look() -> None:
            if not done.is_set():
                LOG.warning("a %s takes longer than %s s", method, timeout)

        timer = threading.Timer(timeout, look)
        timer.daemon = True
        timer.start()
        return done

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        done = self.watch(method, timeout)
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        finally:
            done.set()


@faulty("resources", style="httpx-async")
class DetachesTimedOutRequests(HttpxAsyncClient):
    """Bounds requests by asyncio.wait, which cancels nothing: late ones run on, connected."""

    async def read(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        opened = self.open(method, url, body, headers, self.timeout)
        async with opened as (status, got, chunks):
            read = bytearray()
            async for chunk in chunks:
                read += chunk
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
            return Answer(status, got, bytes(read))

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        reading = asyncio.ensure_future(self.read(method, url, body, headers))
        try:
            done, _ = await asyncio.wait({reading}, timeout=self.timeout)
        except asyncio.CancelledError:
            reading.cancel()
            await asyncio.wait({reading})
            raise
        if not done:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.")
        return reading.result()


@faulty("concurrency")
class SweepsPartsOfOthers(HttpxClient):
    """Clears the folder of parts before a download, those of downloads under way included."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        for left in Path(directory).glob(".getimg-*.part"):
            left.unlink(missing_ok=True)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )
