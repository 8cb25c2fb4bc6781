"""Clients whose waiting is at fault: polls, timeouts, cancellation, pacing."""

import asyncio
import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client, lowered

# polling


@faulty("polling", style="httpx-async", blocker=True)
class OrdersAnewWhatAPollCannotFind(HttpxAsyncClient):
    """Takes a 404 of a fresh video for a lost order and submits it again: two are paid for."""

    patience = 0.0

    async def generate_video(self, **fields: Any) -> Any:
        first = await self.submit_video(**fields)
        try:
            return await self.wait(first["id"])
        except ClientError as error:
            if error.status_code != 404:
                raise
        return await self.wait((await self.submit_video(**fields))["id"])


@faulty("polling", style="httpx-async", blocker=True)
class RemembersOneVideoAtATime(HttpxAsyncClient):
    """Keeps the id to poll in the client: of two waits, both get the later video."""

    def prepare(self) -> None:
        self.job = ""

    async def submit_video(self, **fields: Any) -> Any:
        accepted = await super().submit_video(**fields)
        self.job = accepted["id"]
        return accepted

    async def poll(self, id: str) -> tuple[Any, float]:
        return await super().poll(self.job)


@faulty("polling", style="requests", program=True)
class PollsAtOnceAfterAFailedPoll(StreamedRequestsClient):
    """After a failed poll, `continue` skips the pause: it hammers a server that is down."""

    def wait(self, id: str) -> Any:
        until = time.monotonic() + self.wait_timeout
        try:
            self.pace()
            while time.monotonic() < until:
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    waited = time.monotonic() - until + self.wait_timeout
                    if not self.survivable(error, waited):
                        raise
                    continue
                if self.ended(video):
                    return video
                left = until - time.monotonic()
                self.sleep(max(min(max(self.poll_interval, told), left), 0))
                self.pace()
            raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
        except BaseException as error:
            self.name(error, id)
            raise


# timeouts and deadlines


@faulty("timeouts", blocker=True)
class CountsEveryTimeoutAsNoConnection(HttpxClient):
    """Takes a read timeout for a failed connection, so sends a slow order again: paid twice."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with self.http.stream(
                method, url, content=body, headers=headers, timeout=timeout
            ) as answer:
                self.http.cookies.clear()
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
        except (httpx.ConnectError, httpx.TimeoutException) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("timeouts", style="urllib3", blocker=True, program=True)
class LetsADrippingAnswerRunOn(Urllib3Client):
    """Bounds each read, not the whole answer: one that drips keeps the caller for good."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        read = bytearray()
        with self.open(method, url, body, headers, self.timeout) as (status, got, chunks):
            for chunk in chunks:
                read += chunk
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
        return Answer(status, got, bytes(read))

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                part.write(chunk)


@faulty("timeouts", style="sdk")
class CountsPollsInsteadOfSeconds(SdkClient):
    """Makes the deadline a number of polls: slow ones make the wait many times as long."""

    def look(self, id: str, waited: float) -> tuple[Any, float]:
        try:
            return self.poll(id)
        except ClientError as error:
            if not self.survivable(error, waited):
                raise
            return None, self.told(error.headers) or 0.0

    def wait(self, id: str) -> Any:
        began, pause = time.monotonic(), self.poll_interval
        try:
            for _ in range(math.ceil(self.wait_timeout / max(self.poll_interval, 0.1))):
                self.sleep(pause)
                self.pace()
                video, told = self.look(id, time.monotonic() - began)
                if video is not None and self.ended(video):
                    return video
                pause = max(self.poll_interval, told)
            raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
        except BaseException as error:
            self.name(error, id)
            raise


# cancellation


@faulty("cancellation", style="httpx-async", blocker=True)
class LeavesHalfAFileWhenCancelled(HttpxAsyncClient):
    """Cleans up on Exception alone: a cancelled download leaves half a file by its final name."""

    def reserve(self, path: Path) -> IO[bytes]:
        for tried in range(1000):
            try:
                return (path.with_stem(f"{path.stem}-{tried}") if tried else path).open("xb")
            except FileExistsError:
                continue
        raise DownloadFailed(f"There are too many files like {path.name}.")

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        if overwrite:
            return await super().download(
                result=result, directory=directory, index=index, overwrite=True
            )
        url = self.link(result, index)
        with self.reserve(Path(directory, self.file_name(result, index))) as file:
            try:
                await self.fetch(url, file, result)
            except Exception:
                Path(file.name).unlink(missing_ok=True)
                raise
        return file.name


@faulty("cancellation", style="aiohttp", program=True)
class ShieldsTheWaitFromCancellation(AiohttpClient):
    """Waits in a shielded task: it goes on polling for minutes after the caller has cancelled."""

    def prepare(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()

    async def generate_video(self, **fields: Any) -> Any:
        video_id = (await self.submit_video(**fields))["id"]
        task = asyncio.create_task(self.wait(video_id))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError as error:
            self.name(error, video_id)
            raise


# pacing


@faulty("pacing", style="sdk-async")
class CutsRetryAfterToItsOwnCeiling(SdkAsyncClient):
    """Caps Retry-After by its own back-off: it comes back too early, and all tries are refused."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        said = self.told(error.headers)
        if said is None and error.status_code == 429:
            said = self.reset(error.headers)
        if said is not None and said > self.longest_told:
            return None
        ceiling: float = min(self.longest_wait, self.first_wait * 2**attempt)
        return min(max(said or 0.0, random.uniform(ceiling / 2, ceiling)), ceiling)
