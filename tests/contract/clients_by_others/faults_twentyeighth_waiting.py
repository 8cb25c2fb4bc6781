"""Clients that wait wrongly: polling, timeouts, cancellation, pacing."""

import asyncio
import threading
from pathlib import Path
from typing import IO, Any

import getimg
import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

RETRYABLE = frozenset({"rate_limit", "server_error"})
LONGEST_READ = 20.0
SLOTS = 3


@faulty("polling", style="aiohttp", blocker=True, program=True)
class KeepsCurrentJobOnClient(AiohttpClient):
    """Polls the job ordered last: of two videos at once, one comes twice, the other is lost."""

    def prepare(self) -> None:
        self.job = ""

    async def submit_video(self, **fields: Any) -> Any:
        accepted = await super().submit_video(**fields)
        self.job = accepted["id"]
        return accepted

    async def poll(self, id: str) -> tuple[Any, float]:
        return await super().poll(self.job or id)


@faulty("polling")
class PollsOnAfterRetryableFailure(HttpxClient):
    """Takes a video that failed by server_error for pending, and polls it to the deadline."""

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed" and video["error"]["code"] in RETRYABLE:
            return False
        return super().ended(video)


@faulty("timeouts and deadlines", blocker=True)
class RepeatsFailedPollInPlace(HttpxClient):
    """Repeats a failed poll in a loop without deadline: an outage hangs the wait for good."""

    def poll(self, id: str) -> tuple[Any, float]:
        while True:
            try:
                return super().poll(id)
            except ClientError as error:
                if not self.survivable(error, self.patience):
                    raise
                pause = max(self.poll_interval, self.told(error.headers) or 0.0)
            self.sleep(pause)
            self.pace()


@faulty("timeouts and deadlines", style="sdk", blocker=True)
class EndsReadsAfterTwentySeconds(SdkClient):
    """Reads 20 s at most, whatever the timeout: a picture that takes 30 s is paid and lost."""

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            max_retries=0,
            timeout=httpx.Timeout(self.timeout, read=min(self.timeout, LONGEST_READ)),
            http_client=self.http,
        )


@faulty("cancellation", style="sdk-async")
class ShieldsWaitFromCancel(SdkAsyncClient):
    """Shields the wait: once cancelled, it polls on unseen until the video or its time ends."""

    async def wait(self, id: str) -> Any:
        waiting = asyncio.ensure_future(super().wait(id))
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError as error:
            self.name(error, id)
            raise


@faulty("cancellation", style="httpx-async", blocker=True)
class LeavesCutFileWhenCancelled(HttpxAsyncClient):
    """Writes under the final name, cleans up on Exception: a cancel leaves half a file there."""

    def reserve(self, path: Path) -> tuple[Path, IO[bytes]]:
        for tried in range(1000):
            free = path.with_stem(f"{path.stem}-{tried}") if tried else path
            try:
                return free, free.open("xb")
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
        path, file = self.reserve(Path(directory, self.file_name(result, index)))
        with file:
            try:
                await self.fetch(url, file, result)
            except Exception:
                path.unlink(missing_ok=True)
                raise
        return str(path)


@faulty("pacing and rate limits", style="urllib3", blocker=True, program=True)
class LosesSlotWhenOrderFails(Urllib3Client):
    """Frees its slot after good orders alone: after three that fail, the next hangs for good."""

    def prepare(self) -> None:
        self.slots = threading.BoundedSemaphore(SLOTS)

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        self.slots.acquire()
        result = super().submit(kind, shape, fields)
        self.slots.release()
        return result
