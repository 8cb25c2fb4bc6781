"""Good clients that wait in ways of their own; each way is legal."""

import asyncio
import time
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient


@enlist("aiohttp", program=True)
class AiohttpCutsLastPoll(AiohttpClient):
    """Bounds a wait as a whole: a poll that is under way at the deadline is given up at once."""

    async def wait(self, id: str) -> Any:
        try:
            async with asyncio.timeout(self.wait_timeout):
                return await super().wait(id)
        except TimeoutError:
            error = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            raise error from None


@enlist("requests", program=True)
class RequestsEasesOffInOutage(StreamedRequestsClient):
    """Doubles the time between polls, up to 30 s, while they fail; the next good one resets it."""

    widest = 30.0

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        step = pause = self.poll_interval
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                    step = max(min(step * 2, self.widest), self.poll_interval)
                else:
                    if self.ended(video):
                        return video
                    step = self.poll_interval
                pause = max(step, told)
        except BaseException as error:
            self.name(error, id)
            raise


class SharedRead:
    """A read under way, and how many callers wait for it."""

    def __init__(self, task: asyncio.Task[Answer]) -> None:
        self.task = task
        self.callers = 0


@enlist("httpx-async")
class HttpxAsyncSharesCatalogue(HttpxAsyncClient):
    """Reads the catalogue once for all who want it at a time; it ends with the last of them."""

    def prepare(self) -> None:
        self.reads: dict[str, SharedRead] = {}

    def read(self, url: str) -> SharedRead:
        found = self.reads.get(url)
        if found is None or found.task.done():
            found = SharedRead(asyncio.create_task(super().call("GET", url)))
            self.reads[url] = found
        return found

    async def leave(self, url: str, shared: SharedRead) -> None:
        shared.callers -= 1
        if shared.callers:
            return
        if self.reads.get(url) is shared:
            del self.reads[url]
        if not shared.task.done():
            shared.task.cancel()
            await asyncio.wait([shared.task])

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if method != "GET" or not url.startswith(self.url("/v2/models")):
            return await super().call(method, url, body)
        shared = self.read(url)
        shared.callers += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            await self.leave(url, shared)


@enlist("sdk")
class SdkAwaitsOrderWindow(SdkClient):
    """Sends no order before the window of its kind resets, if the last left none; polls go on."""

    def prepare(self) -> None:
        self.windows: dict[str, float] = {}

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return super().attempt(method, url, body)
        self.sleep(max(self.windows.get(url, 0.0) - time.monotonic(), 0))
        answer = super().attempt(method, url, body)
        left = answer.headers.get("x-ratelimit-remaining", "").strip()
        rest = self.reset(answer.headers) if left == "0" else None
        if rest is not None and rest <= self.longest_told:
            self.windows[url] = time.monotonic() + rest
        return answer
