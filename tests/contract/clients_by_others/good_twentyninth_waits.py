"""Good clients, the twenty-ninth author's: unusual in how they wait."""

import asyncio
import random
import time
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sdk_transports import SdkClient

UNTIL: ContextVar[float | None] = ContextVar("UNTIL", default=None)


@enlist("httpx-async")
class KeepsThreeOrdersAtOnce(HttpxAsyncClient):
    """Has three orders under way at most; a video keeps its place until its wait ends."""

    def prepare(self) -> None:
        self.places = asyncio.Semaphore(3)

    async def generate_image(self, **fields: Any) -> Any:
        async with self.places:
            return await super().generate_image(**fields)

    async def generate_video(self, **fields: Any) -> Any:
        async with self.places:
            return await super().generate_video(**fields)


@enlist("aiohttp", program=True)
class CutsPollsAtTheDeadline(AiohttpClient):
    """Gives a poll no more time than its wait has left, but a second at least."""

    def limit(self) -> AbstractAsyncContextManager[Any]:
        until = UNTIL.get()
        if until is None:
            return super().limit()
        return asyncio.timeout(min(self.timeout, max(until - time.monotonic(), 1.0)))

    async def wait(self, id: str) -> Any:
        token = UNTIL.set(time.monotonic() + self.wait_timeout)
        try:
            return await super().wait(id)
        finally:
            UNTIL.reset(token)


@enlist("sdk")
class SpreadsItsPolls(SdkClient):
    """Polls at once, then after 1 to 1.5 intervals at random, so that a fleet does not beat."""

    polls_at_once = True

    def poll(self, id: str) -> tuple[Any, float]:
        video, told = super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1.0, 1.5))
