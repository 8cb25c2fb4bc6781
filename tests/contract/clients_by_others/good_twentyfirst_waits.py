"""Good clients that wait in ways of their own: polls, deadlines, limits; each way is legal."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_flow import AsyncFlow, Opened
from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    HttpxAsyncClient,
    TrioClient,
)
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.rules import LOG, PATHS
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.sync_transports import HttpxClient

BLANK = b"\xef\xbb\xbf \t\r\n"  # what may stand before a page, a mark of UTF-8 included


class SteppedWait(AsyncFlow):
    """A wait whose first pause is given, and which may judge what the server asks for."""

    async def wait(self, id: str) -> Any:
        return await self.wait_from(id, self.poll_interval)

    async def wait_from(self, id: str, first: float) -> Any:
        began = time.monotonic()
        until, pause = began + self.wait_timeout, first
        try:
            while True:
                left = until - time.monotonic()
                await self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                await self.pace()
                video, told = await self.look(id, began)
                if video is not None and self.ended(video):
                    return video
                self.weigh(id, told, until - time.monotonic())
                pause = max(self.poll_interval, told)
        except BaseException as error:
            self.name(error, id)
            raise

    async def look(self, id: str, began: float) -> tuple[Any, float]:
        """Poll once; a poll that failed, but leaves hope, has no video."""
        try:
            return await self.poll(id)
        except ClientError as error:
            if not self.survivable(error, time.monotonic() - began):
                raise
            return None, self.told(error.headers) or 0.0

    def weigh(self, id: str, told: float, left: float) -> None:
        """Judge the pause that the server asks for, before it is made."""


@enlist("httpx-async")
class HttpxAsyncHeedsAcceptance(SteppedWait, HttpxAsyncClient):
    """Looks at a video first when the Retry-After of its acceptance, if there is one, is over."""

    async def generate_video(self, **fields: Any) -> Any:
        answer = await self.call("POST", self.url(PATHS["video"]), self.body(fields))
        made = self.parse(answer, shapes.ACCEPTED, post=True)["id"]
        told = self.told(answer.headers) or 0.0
        longest = min(self.longest_told, self.wait_timeout / 2)  # lest it never look at all
        return await self.wait_from(made, max(self.poll_interval, min(told, longest)))


@enlist("aiohttp", program=True)
class AiohttpGrantsHeadStart(SteppedWait, AiohttpClient):
    """aiohttp; leaves a new video two intervals before the first poll, as it takes its time."""

    def make_session(self) -> aiohttp.ClientSession:
        jar = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        async with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    async def generate_video(self, **fields: Any) -> Any:
        made = (await self.submit_video(**fields))["id"]
        start = min(2 * self.poll_interval, self.wait_timeout / 2)
        return await self.wait_from(made, max(self.poll_interval, start))

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@enlist("trio", program=True)
class TrioEndsHopelessWaits(SteppedWait, TrioClient):
    """httpx under trio; ends a wait at once if the server wants no poll before its deadline."""

    def weigh(self, id: str, told: float, left: float) -> None:
        if told > self.poll_interval and told >= left:
            raise WaitTimeout(
                f"Video {id} is pending, and no poll is wanted for {told:.0f} s.", generation_id=id
            )


@enlist("sdk-async")
class SdkAsyncHurriesPolls(SdkAsyncClient):
    """Gives a poll 10 s, and twice as long after each that took longer, up to `timeout`."""

    def prepare(self) -> None:
        self.hurry: dict[str, float] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        allowed = min(self.hurry.get(id, 10.0), self.timeout)
        try:
            async with asyncio.timeout(allowed):
                return await super().poll(id)
        except TimeoutError:
            self.hurry[id] = 2 * allowed
            raise ConnectionLost(f"The poll had no answer in {allowed:.0f} s.") from None

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.hurry.pop(id, None)


@enlist("httpx")
class HttpxOutlastsStrayPages(HttpxClient):
    """Takes a web page with status 200 in place of a poll's answer for an outage: it polls on."""

    def poll(self, id: str) -> tuple[Any, float]:
        answer = self.attempt("GET", self.video_url(id), None)
        if answer.body.lstrip(BLANK).startswith(b"<"):  # as no JSON does
            LOG.warning("a page came in place of the state of video %s", id)
            raise ConnectionLost("A page came in place of an answer.", headers=answer.headers)
        return self.parse(answer, shapes.video), self.told(answer.headers) or 0.0


@enlist("httpx")
class HttpxTellsLimitsApart(HttpxClient):
    """A 429 while the window has places left is about slots: it does not wait for the window."""

    slot_wait = 3.0  # a slot is free again when a generation ends

    def reset(self, headers: dict[str, str]) -> float | None:
        remaining = headers.get("x-ratelimit-remaining", "").strip()
        if re.fullmatch(r"\d{1,9}", remaining, re.ASCII) and int(remaining) > 0:
            return None
        return super().reset(headers)

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        if pause is None or error.status_code != 429 or self.told(error.headers) is not None:
            return pause
        return float(max(pause, min(self.slot_wait * 2**attempt, self.longest_wait)))
