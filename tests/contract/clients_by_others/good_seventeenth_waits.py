"""Good clients that wait in other ways: each choice is legal."""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, TrioClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("httpx")
class HttpxPollsOnSchedule(HttpxClient):
    """Polls at multiples of the interval since the wait began, and leaves out those it missed."""

    def next_look(self, began: float, told: float) -> float:
        """Return the pause to the first moment of the schedule that the server leaves free."""
        gone = time.monotonic() - began
        step = max(self.poll_interval, 0.05)
        return (math.floor((gone + told) / step + 0.01) + 1) * step - gone

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = self.next_look(began, 0.0)
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
                else:
                    if self.ended(video):
                        return video
                pause = self.next_look(began, told)
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("aiohttp", program=True)
class AiohttpCutsPollAtDeadline(AiohttpClient):
    """Ends a wait at its deadline even within a poll; has a session for each request."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        one = AiohttpOnce(base_url=self.base_url, key=self.secret.reveal())
        async with (
            one.make_session() as one.session,
            one.open(method, url, body, headers, timeout) as opened,
        ):
            self.plain(opened[1])
            yield opened

    async def wait(self, id: str) -> Any:
        try:
            async with asyncio.timeout(self.wait_timeout):
                return await super().wait(id)
        except TimeoutError:
            error = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            error.add_note(f"generation: {id}")
            raise error from None


class AiohttpOnce(AiohttpClient):
    """aiohttp that unpacks nothing and keeps no connection."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(force_close=True),
            auto_decompress=False,
        )


@enlist("trio", program=True)
class TrioLooksLastAtDeadline(TrioClient):
    """Stretches the last interval so that the last look falls on the deadline itself."""

    async def wait(self, id: str) -> Any:
        began = time.monotonic()
        until, pause, told = began + self.wait_timeout, self.poll_interval, 0.0
        try:
            while True:
                left = max(until - time.monotonic(), 0)
                last = left < pause + self.poll_interval
                await self.sleep(left if last else pause)
                if last and told > left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                await self.pace()
                try:
                    video, told = await self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                else:
                    if self.ended(video):
                        return video
                if last:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                pause = max(self.poll_interval, told)
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("sdk")
class SdkSpreadsPolls(SdkClient):
    """Adds up to a quarter to each interval, so that many processes do not poll in step."""

    def poll(self, id: str) -> tuple[Any, float]:
        video, told = super().poll(id)
        return video, max(told, self.poll_interval) + random.uniform(0, self.poll_interval / 4)
