"""Clients with a fault in polling, deadlines, cancellation or pacing."""

import asyncio
import random
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("polling", blocker=True)
class OrdersAgainWhenTheFreshIdIsUnknown(HttpxClient):
    """A poll's 404 right after the order is taken for a lost job: the video is ordered twice."""

    patience = 0.0
    orders = 3

    def generate_video(self, **fields: Any) -> Any:
        for _ in range(self.orders - 1):
            video_id = self.submit_video(**fields)["id"]
            try:
                return self.wait(video_id)
            except ApiError as error:
                if error.status_code != 404:
                    raise
                LOG.warning("the server lost video %s, ordering it again", video_id)
        return self.wait(self.submit_video(**fields)["id"])


@faulty("polling", style="sdk", blocker=True)
class PollsOnUntilTheBillIsThere(SdkClient):
    """A completed video without the optional usage counts as pending: it is never returned."""

    def ended(self, video: Any) -> bool:
        return super().ended(video) and video.get("usage") is not None


@faulty("timeouts", style="httpx-async", blocker=True)
class ExtendsTheDeadlineWhilePollsAreAnswered(HttpxAsyncClient):
    """The deadline bounds silence alone: a video that stays pending is waited for for good."""

    def prepare(self) -> None:
        self.heard: set[str] = set()

    async def poll(self, id: str) -> tuple[Any, float]:
        polled = await super().poll(id)
        self.heard.add(id)
        return polled

    async def wait(self, id: str) -> Any:
        try:
            while True:
                self.heard.discard(id)
                try:
                    return await super().wait(id)
                except WaitTimeout:
                    if id not in self.heard:
                        raise
                    LOG.info("video %s is alive, going on", id)
        finally:
            self.heard.discard(id)


@faulty("timeouts", style="requests", program=True)
class SleepsRetryAfterPastTheDeadline(StreamedRequestsClient):
    """A failed poll sleeps its Retry-After out by itself: the wait ends long after its deadline."""

    def poll(self, id: str) -> tuple[Any, float]:
        try:
            return super().poll(id)
        except ClientError as error:
            if self.tries_again("GET", error):
                self.sleep(self.told(error.headers) or 0.0)
                error.headers = {}
            raise


@faulty("cancellation", style="sdk-async", blocker=True)
class ClosesTheSharedPoolOnCancel(SdkAsyncClient):
    """One cancelled wait closes the pool of all: other waits break, and paid videos are lost."""

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        except asyncio.CancelledError:
            await self.aclose()
            raise


@faulty("pacing", style="sdk")
class JittersWhatRetryAfterSays(SdkClient):
    """Jitter shortens what Retry-After asks for: each retry comes early and is refused again."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        return None if pause is None else pause * random.uniform(0.5, 0.9)
