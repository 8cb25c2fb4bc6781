"""Good clients that wait in ways of their own, each of them legal."""

import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.contract.clients_by_others.async_flow import Opened
from tests.contract.clients_by_others.async_transports import AiohttpClient, TrioClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("httpx")
class HttpxBacksOffFailedPolls(HttpxClient):
    """Doubles the interval with each poll in a row that fails, up to 30 s; keeps the deadline."""

    longest_pause = 30.0

    def after_failures(self, failures: int) -> float:
        widened = self.poll_interval * 2.0 ** min(failures, 10)
        return max(self.poll_interval, min(widened, self.longest_pause))

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause, failures = self.poll_interval, 0
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
                    failures, told = failures + 1, self.told(error.headers) or 0.0
                else:
                    if self.ended(video):
                        return video
                    failures = 0
                pause = max(self.after_failures(failures), told)
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("aiohttp", program=True)
class AiohttpScattersPolls(AiohttpClient):
    """aiohttp; adds up to a fifth to each interval, so that many waits do not poll in step."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        async with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1.0, 1.2))

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@enlist("trio", program=True)
class TrioKeepsBeat(TrioClient):
    """Counts the interval from the start of a poll, not its end, so that slow polls do not add."""

    async def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = self.poll_interval
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                await self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                await self.pace()
                due = time.monotonic() + self.poll_interval
                try:
                    video, told = await self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                else:
                    if self.ended(video):
                        return video
                pause = max(due - time.monotonic(), told, 0.0)
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("stdlib", program=True)
class StdlibSleepsInSteps(StdlibClient):
    """http.client; sleeps in steps of a quarter of a second, so that a process ends soon."""

    step = 0.25

    def sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, self.step))
