"""Faults of waiting: ends that are not seen, deadlines that are wrong, and outages."""

import asyncio
import copy
import time
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("polling")
class CachesReads(HttpxClient):
    """Keeps every answer to a GET for a minute: a done video stays pending."""

    kept_for = 60.0

    def prepare(self) -> None:
        self.kept: dict[str, tuple[float, Answer]] = {}

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "GET":
            return super().attempt(method, url, body)
        at, answer = self.kept.get(url, (0.0, None))
        if answer is None or time.monotonic() - at > self.kept_for:
            answer = super().attempt(method, url, body)
            self.kept[url] = (time.monotonic(), answer)
        return answer


@faulty("polling")
class PollsOnAfterServerError(HttpxClient):
    """Takes a failed video of code server_error for one to poll on: that code is retryable."""

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed" and video["error"]["code"] == "server_error":
            return False
        return super().ended(video)


@faulty("polling", blocker=True)
class PollsTheLatestVideo(HttpxClient):
    """Keeps the id in the client: of two waits, both get the video that was ordered last."""

    def prepare(self) -> None:
        self.job = ""

    def submit_video(self, **fields: Any) -> Any:
        accepted = super().submit_video(**fields)
        self.job = accepted["id"]
        return accepted

    def poll(self, id: str) -> tuple[Any, float]:
        return super().poll(self.job or id)


@faulty("outages")
class BreakerCountsRefusals(HttpxClient):
    """Counts refused orders as outages: three bad prompts, and nothing is sent for a minute."""

    def prepare(self) -> None:
        self.failures = 0
        self.open_until = 0.0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.open_until:
            raise ClientError("The service is down: not sent.")
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= 3:
                self.failures, self.open_until = 0, time.monotonic() + 60
            raise
        self.failures = 0
        return answer


@faulty("outages")
class QuietCatalogue(HttpxClient):
    """Answers with no models when the list cannot be had, whatever the reason."""

    def models(self, type: str | None = None) -> Any:
        try:
            return super().models(type)
        except ClientError as error:
            LOG.debug("no list of models: %s", error.status_code)
            return []


@faulty("timeouts", style="httpx-async", blocker=True)
class OuterLimitLosesId(HttpxAsyncClient):
    """Sets its limit around order and wait together: what times out does not say which video."""

    def name(self, error: BaseException, id: str) -> None:
        """Say nothing: the limit around all of it ends the wait."""

    async def generate_video(self, **fields: Any) -> Any:
        try:
            return await asyncio.wait_for(super().generate_video(**fields), self.wait_timeout)
        except TimeoutError:
            raise WaitTimeout("The video took too long.") from None


@faulty("timeouts", blocker=True)
class DeadlineFromBirth(HttpxClient):
    """Counts the time for a video from the making of the client: later ones are given up early."""

    def prepare(self) -> None:
        self.until = time.monotonic() + self.wait_timeout

    def wait(self, id: str) -> Any:
        hurried = copy.copy(self)
        hurried.wait_timeout = max(self.until - time.monotonic(), 0.0)
        return super(DeadlineFromBirth, hurried).wait(id)


@faulty("cancellation", style="httpx-async")
class SleepsOnAfterCancel(HttpxAsyncClient):
    """Goes on after whatever breaks a round of its wait, and so after being cancelled."""

    async def round(self, id: str, left: float) -> Any:
        await self.sleep(max(min(self.poll_interval, left), 0))
        await self.pace()
        video, _ = await self.poll(id)
        return video if self.ended(video) else None

    async def wait(self, id: str) -> Any:
        began = time.monotonic()
        while (left := began + self.wait_timeout - time.monotonic()) > 0:
            try:
                if video := await self.round(id, left):
                    return video
            except ClientError as error:
                if not self.survivable(error, time.monotonic() - began):
                    self.name(error, id)
                    raise
            except BaseException as error:
                LOG.warning("a poll of %s broke: %s", id, type(error).__name__)
        raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)


@faulty("cancellation", style="httpx-async", blocker=True)
class OrdersAgainAfterCancel(HttpxAsyncClient):
    """Cancelled while an order is under way, it sends it again in the background to have an id."""

    async def submit_video(self, **fields: Any) -> Any:
        try:
            return await super().submit_video(**fields)
        except asyncio.CancelledError:
            self.rescue = asyncio.create_task(super().submit_video(**fields))
            raise
