"""Good clients that wait in unusual ways."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.sync_flow import Opened

UNTIL: ContextVar[float | None] = ContextVar("UNTIL", default=None)


@enlist("httpx-async")
class AsksLessOftenTheLongerItTakes(HttpxAsyncClient):
    """Lets the pause between polls grow by a tenth each time, up to twice the interval."""

    def prepare(self) -> None:
        self.asked: dict[str, int] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        self.asked[id] = self.asked.get(id, 0) + 1
        return video, max(told, self.poll_interval * min(1 + self.asked[id] / 10, 2))

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.asked.pop(id, None)


@enlist("requests", program=True)
class BoundsEachPollByTheDeadline(StreamedRequestsClient):
    """Gives a poll no more time than the wait has left, which a context variable tells."""

    def wait(self, id: str) -> Any:
        token = UNTIL.set(time.monotonic() + self.wait_timeout)
        try:
            return super().wait(id)
        finally:
            UNTIL.reset(token)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        until = UNTIL.get()
        if until is not None:
            timeout = max(min(timeout, until - time.monotonic()), 0.1)
        with super().open(method, url, body, headers, timeout) as opened:
            yield opened


@enlist("sdk-async")
class AwaitsTheWindowBeforeItSubmits(SdkAsyncClient):
    """Holds an order back until the reset when the last answer said that none remains."""

    def prepare(self) -> None:
        self.closed: dict[str, float] = {}

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        left = self.closed.get(url, 0.0) - time.monotonic()
        if left > 0:
            await self.sleep(left)
        answer = await super().attempt(method, url, body)
        reset = self.reset(answer.headers)
        used_up = answer.headers.get("x-ratelimit-remaining", "").strip() == "0"
        if used_up and reset is not None and reset <= self.longest_told:
            self.closed[url] = time.monotonic() + reset
        return answer


@enlist("aiohttp", program=True)
class EndsAWaitByATimeoutScope(AiohttpClient):
    """Has no clock of its own: asyncio's timeout ends the wait, and a poll that is under way."""

    async def look(self, id: str, patient: bool) -> tuple[Any, float]:
        try:
            return await self.poll(id)
        except ClientError as error:
            if not self.survivable(error, 0.0 if patient else self.patience):
                raise
            return None, self.told(error.headers) or 0.0

    async def polls(self, id: str) -> Any:
        patient_until = asyncio.get_running_loop().time() + self.patience
        pause = self.poll_interval
        while True:
            await self.sleep(pause)
            await self.pace()
            patient = asyncio.get_running_loop().time() < patient_until
            video, told = await self.look(id, patient)
            if video is not None and self.ended(video):
                return video
            pause = max(self.poll_interval, told)

    async def wait(self, id: str) -> Any:
        try:
            async with asyncio.timeout(self.wait_timeout):
                return await self.polls(id)
        except TimeoutError:
            late = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            self.name(late, id)
            raise late from None
        except BaseException as error:
            self.name(error, id)
            raise
