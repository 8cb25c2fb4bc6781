"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import getimg
import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("polling", blocker=True)
class OrdersLateVideosAgain(HttpxClient):
    """Orders a video that is late once more when its wait has ended, and pays for both."""

    def generate_video(self, **fields: Any) -> Any:
        try:
            return super().generate_video(**fields)
        except WaitTimeout as error:
            if self.attempts() == 1:
                raise
            LOG.warning("%s Trying again.", error)
        return super().generate_video(**fields)


@faulty("polling", style="requests", blocker=True, program=True)
class SleepsOverDeadlineAsTold(StreamedRequestsClient):
    """Sleeps in a poll as long as its Retry-After says, be it hours, past the wait's deadline."""

    def poll(self, id: str) -> tuple[Any, float]:
        try:
            video, told = super().poll(id)
        except ClientError as error:
            if error.status_code in {429, 503}:
                self.sleep(self.told(error.headers) or 0.0)
                error.headers.pop("retry-after", None)
            raise
        if video["status"] == "pending":
            self.sleep(told)
        return video, 0.0


@faulty("polling", style="sdk-async")
class PollsOnWithRevokedKey(SdkAsyncClient):
    """Takes a 401 on a poll for a hiccup: polls with a revoked key until the wait times out."""

    def survivable(self, error: ClientError, waited: float) -> bool:
        return error.status_code == 401 or super().survivable(error, waited)


@faulty("timeouts", blocker=True)
class ReadsTenSecondsAtMost(HttpxClient):
    """Waits ten seconds for bytes, whatever its timeout: pictures that take longer are lost."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        bounds: Any = httpx.Timeout(min(timeout, 10.0), connect=timeout)
        with super().open(method, url, body, headers, bounds) as opened:
            yield opened


@faulty("timeouts", style="sdk")
class LeavesSdkItsFiveMinutes(SdkClient):
    """Does not hand its timeout to the SDK, which waits for a silent server for 300 s."""

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            max_retries=0,
            http_client=self.http,
        )


@faulty("cancellation", style="sdk-async", blocker=True)
class ForgetsIdWhenCancelled(SdkAsyncClient):
    """Names the video in its own errors alone: a cancelled wait leaves no id of the paid job."""

    def name(self, error: BaseException, id: str) -> None:
        if isinstance(error, ClientError):
            super().name(error, id)


@faulty("cancellation", style="httpx-async", blocker=True)
class LosesSlotOfCancelledOrder(HttpxAsyncClient):
    """Gives the slot of a cancelled order never back: after four of them no order is ever sent."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(4)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        await self.slots.acquire()
        try:
            answer = await super().attempt(method, url, body)
        except ClientError:
            self.slots.release()
            raise
        self.slots.release()
        return answer


@faulty("pacing", style="httpx-async")
class NeverForgetsFailures(HttpxAsyncClient):
    """Counts failures for its back-off over all calls: long after an outage a retry takes 30 s."""

    def prepare(self) -> None:
        self.failures = 0

    def delay(self, attempt: int, error: ClientError) -> float | None:
        self.failures = min(self.failures + 1, 10)
        return super().delay(self.failures - 1, error)


@faulty("pacing", style="aiohttp", program=True)
class TakesShorterOfTwoWaits(AiohttpClient):
    """Waits for the shorter of its back-off and Retry-After, so comes back before it may."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        told = super().delay(attempt, error)
        if told is None:
            return None
        ceiling = min(self.longest_wait, self.first_wait * 2**attempt)
        return min(told, random.uniform(ceiling / 2, ceiling))
