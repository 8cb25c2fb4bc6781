"""Clients with one fault each, in how they wait: polls, deadlines, cancelled calls, paces."""

import asyncio
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule, video
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient

# polling


@faulty("polling", style="httpx-async", blocker=True)
class KeepsTheWaitedIdOnItself(HttpxAsyncClient):
    """Two waits at once share one id field: the first caller gets the second one's video."""

    waited = ""

    async def wait(self, id: str) -> Any:
        self.waited = id
        return await super().wait(id)

    async def poll(self, id: str) -> tuple[Any, float]:
        return await super().poll(self.waited)


@faulty("polling", style="sdk")
class PollsOnAfterAServerErrorFailure(SdkClient):
    """Takes a failed video's `server_error` for a hiccup: polls a dead job up to the deadline."""

    passing = frozenset({"server_error", "rate_limit"})

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed" and video["error"]["code"] in self.passing:
            return False
        return super().ended(video)


@faulty("polling")
class DoublesThePauseWithoutEnd(HttpxClient):
    """Doubles the pause after each poll, uncapped: done videos are seen minutes late or never."""

    def prepare(self) -> None:
        self.pauses: dict[str, float] = {}

    def wait(self, id: str) -> Any:
        self.pauses[id] = self.poll_interval
        try:
            return super().wait(id)
        finally:
            self.pauses.pop(id, None)

    def poll(self, id: str) -> tuple[Any, float]:
        found, told = super().poll(id)
        self.pauses[id] = self.pauses.get(id, self.poll_interval) * 2
        return found, max(told, self.pauses[id])


# timeouts and deadlines


@faulty("timeouts and deadlines", blocker=True)
class RenewsTheDeadlineWithEachAnswer(HttpxClient):
    """Counts `wait_timeout` from the last good poll: a video stuck in pending hangs it for good."""

    def wait(self, id: str) -> Any:
        began = heard = time.monotonic()
        pause = 0.0 if self.polls_at_once else self.poll_interval
        try:
            while True:
                left = heard + self.wait_timeout - time.monotonic()
                self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                pause = self.poll_interval
                try:
                    found, told = self.poll(id)
                    heard = time.monotonic()
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    pause = max(pause, self.told(error.headers) or 0.0)
                    continue
                if self.ended(found):
                    return found
                pause = max(pause, told)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("timeouts and deadlines", style="requests", blocker=True, program=True)
class TimesTheConnectOnly(StreamedRequestsClient):
    """Gives the timeout to the connect, none to the read: a silent server hangs it for good."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        split: Any = (timeout, None)  # images take their time
        with super().open(method, url, body, headers, split) as opened:
            yield opened


@faulty("timeouts and deadlines", style="sdk-async")
class RetriesEachPollPastTheDeadline(SdkAsyncClient):
    """Polls with all retries and their pauses inside: runs minutes over `wait_timeout`."""

    async def poll(self, id: str) -> tuple[Any, float]:
        answer = await self.call("GET", self.video_url(id))
        return self.parse(answer, video), self.told(answer.headers) or 0.0


# cancellation


@faulty("cancellation", style="httpx-async", blocker=True)
class OrdersOnBehindACancelledCall(HttpxAsyncClient):
    """Shields the order with its retries: a cancelled call still orders later, and is charged."""

    def prepare(self) -> None:
        self.orders: set[asyncio.Task[Any]] = set()

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        order = asyncio.create_task(super().submit(kind, shape, fields))
        self.orders.add(order)
        order.add_done_callback(self.orders.discard)
        return await asyncio.shield(order)


@faulty("cancellation", style="aiohttp", blocker=True, program=True)
class PublishesHalfAFileWhenCancelled(AiohttpClient):
    """Drops the part on `Exception` only: a cancelled download leaves half a file as if whole."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        part = Path(directory, f".getimg-{uuid.uuid4().hex}.part")
        try:
            with part.open("xb") as file:
                await self.fetch(url, file, result)
        except Exception:
            part.unlink(missing_ok=True)
            raise
        finally:
            if part.exists():
                path = self.publish(part, path, overwrite)
        return str(path)


# pacing and rate limits


@faulty("pacing and rate limits")
class JittersBelowWhatWasAsked(HttpxClient):
    """Draws full jitter over `Retry-After` too: comes back early, and burns its tries on 429s."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        return None if pause is None else random.uniform(0, pause)
