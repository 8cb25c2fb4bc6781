"""Faulty clients, the twenty-ninth author's: polling, timeouts, cancellation and pacing."""

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("polling", style="sdk-async", blocker=True)
class KeepsTheJobOnTheClient(SdkAsyncClient):
    """Polls the job it began to wait for last: of two waits at once, one gets the other's video."""

    def prepare(self) -> None:
        self.job = ""

    async def wait(self, id: str) -> Any:
        self.job = id
        return await super().wait(id)

    async def poll(self, id: str) -> tuple[Any, float]:
        return await super().poll(self.job)


@faulty("polling", style="httpx")
class CountsPollErrorsForGood(HttpxClient):
    """Never resets its count of failed polls: three hiccups in a long wait abandon a paid video."""

    allowed = 3

    def prepare(self) -> None:
        self.failures: dict[str, int] = {}

    def wait(self, id: str) -> Any:
        self.failures[id] = 0
        try:
            return super().wait(id)
        finally:
            self.failures.pop(id, None)

    def poll(self, id: str) -> tuple[Any, float]:
        try:
            return super().poll(id)
        except ClientError as error:
            error.generation_id = id
            if error.status_code != 404:
                self.failures[id] = self.failures.get(id, 0) + 1
            raise

    def survivable(self, error: ClientError, waited: float) -> bool:
        failed = self.failures.get(error.generation_id or "", 0)
        return failed < self.allowed and super().survivable(error, waited)


@faulty("timeouts", style="httpx", blocker=True)
class ForgivesTheTimeOfFailedPolls(HttpxClient):
    """Takes failed polls out of the wait's time: while the API is down, the wait never ends."""

    def wait(self, id: str) -> Any:
        try:
            return self.watch(id)
        except BaseException as error:
            self.name(error, id)
            raise

    def watch(self, id: str) -> Any:
        born = last = time.monotonic()
        until, pause = born + self.wait_timeout, self.poll_interval
        while True:
            left = until - time.monotonic()
            self.sleep(max(min(pause, left), 0))
            if pause >= left:
                raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            self.pace()
            try:
                video, told = self.poll(id)
            except ClientError as error:
                now = time.monotonic()
                if not self.survivable(error, now - born):
                    raise
                told = self.told(error.headers) or 0.0
                until += now - last  # an outage is not the video's delay
            else:
                if self.ended(video):
                    return video
            last, pause = time.monotonic(), max(self.poll_interval, told)


@faulty("cancellation", style="httpx-async")
class PollsOnAfterItsCancel(HttpxAsyncClient):
    """Waits in a shielded task: a cancelled wait goes on polling unseen until the video ends."""

    def prepare(self) -> None:
        self.waits: set[asyncio.Task[Any]] = set()

    async def wait(self, id: str) -> Any:
        task = asyncio.create_task(super().wait(id))
        self.waits.add(task)
        task.add_done_callback(self.waits.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError as error:
            self.name(error, id)
            raise


@faulty("cancellation", style="requests", blocker=True, program=True)
class PublishesTheHalfFileOnInterrupt(StreamedRequestsClient):
    """Names the file in a `finally`: after an interrupt, half a file looks whole."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                self.fetch(url, part, result)
            except Exception:
                Path(part.name).unlink(missing_ok=True)
                raise
            finally:
                part.close()
                if Path(part.name).exists():
                    path = self.publish(Path(part.name), path, overwrite)
        return str(path)


@faulty("pacing", style="sdk")
class JittersRetryAfterBelowIt(SdkClient):
    """Multiplies Retry-After by 0.5 to 1 as jitter: comes back too early, and burns its tries."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        told = self.told(error.headers)
        if pause is None or told is None:
            return pause
        return pause * random.uniform(0.5, 1.0)
