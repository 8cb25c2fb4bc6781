"""Faults that cost money or misreport it, of outages, and of calls that run at once."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient

SPARE = "gemini-3-1-flash-image"
MONTH = timedelta(days=30)


@faulty("money", blocker=True)
class FallsBackToCheaperModel(HttpxClient):
    """Orders from a model nobody asked for after a 5xx, though the first order may be charged."""

    def generate_image(self, **fields: Any) -> Any:
        try:
            return super().generate_image(**fields)
        except ApiError as error:
            if (error.status_code or 0) < 500 or fields.get("model") == SPARE:
                raise
            LOG.warning("%s; falling back to %s", error, SPARE)
        return super().generate_image(**{**fields, "model": SPARE})


@faulty("money", style="sdk-async", blocker=True)
class ReordersAfterWaitTimeout(SdkAsyncClient):
    """Orders a video anew when the wait for it timed out, while the first is pending and paid."""

    async def generate_video(self, **fields: Any) -> Any:
        try:
            return await super().generate_video(**fields)
        except WaitTimeout as error:
            LOG.warning("%s; trying once more", error)
        return await super().generate_video(**fields)


@faulty("money", style="sdk")
class CountsDaysOfSeamsTwice(SdkClient):
    """Asks for costs month by month from end to end: both ends count, so border days double."""

    def instant(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first, last = self.instant(start), self.instant(end)
        if last - first <= MONTH:
            return super().costs(start, end)
        parts = []
        while first < last:
            until = min(first + MONTH, last)
            parts.append(super().costs(first, until))
            first = until
        return {
            **parts[-1],
            "start": parts[0]["start"],
            "data": [day for part in parts for day in part["data"]],
            "total_cost": sum(part["total_cost"] for part in parts),
        }


@faulty("outages", style="requests", blocker=True, program=True)
class KnocksWithoutEnd(StreamedRequestsClient):
    """Tries to connect once a second for ever, whatever max_retries and wait_timeout say."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        while True:
            try:
                return super().attempt(method, url, body)
            except ConnectionFailed as error:
                LOG.info("%s; trying again", error)
            self.sleep(1.0)


@faulty("outages")
class SlowsPollsForGood(HttpxClient):
    """Doubles the poll interval at each failed poll and never resets it: it oversleeps."""

    def wait(self, id: str) -> Any:
        began, interval = time.monotonic(), self.poll_interval
        pause = interval
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
                    interval *= 2
                    pause = max(interval, self.told(error.headers) or 0.0)
                    continue
                if self.ended(video):
                    return video
                pause = max(interval, told)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("outages", style="aiohttp", program=True)
class SpendsRetriesOnceForAll(AiohttpClient):
    """Counts its retries down on the client: once max_retries are spent, no call is tried again."""

    def prepare(self) -> None:
        self.tries_left = self.max_retries

    def tries_again(self, method: str, error: ClientError) -> bool:
        if self.tries_left < 1 or not super().tries_again(method, error):
            return False
        self.tries_left -= 1
        return True


@faulty("concurrency", style="httpx-async")
class SharedReadsDieWithFirstCaller(HttpxAsyncClient):
    """Lets like reads share one task unshielded: cancelling one caller cancels the others too."""

    def prepare(self) -> None:
        self.reads: dict[str, asyncio.Task[Answer]] = {}

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "GET":
            return await super().attempt(method, url, body)
        task = self.reads.get(url)
        if task is None:
            task = self.reads[url] = asyncio.create_task(super().attempt(method, url, body))
            task.add_done_callback(lambda _: self.reads.pop(url, None))
        return await task


@faulty("concurrency", style="sdk-async", blocker=True)
class MergesOrdersByPrompt(SdkAsyncClient):
    """Merges orders under way that have the same prompt, though their models or sizes differ."""

    def prepare(self) -> None:
        self.orders: dict[tuple[str, Any], asyncio.Task[Any]] = {}

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        which = (kind, fields.get("prompt"))
        task = self.orders.get(which)
        if task is None:
            task = asyncio.create_task(super().submit(kind, shape, fields))
            self.orders[which] = task
            task.add_done_callback(lambda _: self.orders.pop(which, None))
        return await task
