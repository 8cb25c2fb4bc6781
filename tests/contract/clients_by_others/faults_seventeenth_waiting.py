"""Faults of polling, timeouts, cancellation and pacing: deadlines, slots and shared flights."""

import asyncio
import math
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import getimg
import httpx

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import BadAnswer, ClientError, ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("polling", style="requests", blocker=True, program=True)
class WaitsForTheBill(StreamedRequestsClient):
    """Takes a completed video without usage, which is legal, for pending until the deadline."""

    def ended(self, video: Any) -> bool:
        return super().ended(video) and video.get("usage") is not None


@faulty("polling", style="aiohttp", program=True)
class PollsThroughRetryingCall(AiohttpClient):
    """Polls by the call that retries: its tries and their pauses go on far past the deadline."""

    async def poll(self, id: str) -> tuple[Any, float]:
        answer = await self.call("GET", self.video_url(id))
        return self.parse(answer, shapes.video), self.told(answer.headers) or 0.0


@faulty("timeouts", style="sdk", blocker=True)
class GivesPicturesTenSeconds(SdkClient):
    """Reads for ten seconds at most, whatever the caller's timeout: paid pictures are lost."""

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            max_retries=0,
            timeout=httpx.Timeout(self.timeout, read=min(self.timeout, 10.0)),
            http_client=self.http,
        )


@faulty("timeouts", style="sdk-async", blocker=True)
class BoundsOrderAndWaitTogether(SdkAsyncClient):
    """Bounds order and wait by one asyncio.timeout, whose bare TimeoutError has no id."""

    def prepare(self) -> None:
        self.longest, self.wait_timeout = self.wait_timeout, math.inf

    async def generate_video(self, **fields: Any) -> Any:
        async with asyncio.timeout(self.longest):
            return await super().generate_video(**fields)


@faulty("timeouts", style="threads", blocker=True)
class JoinsThreadItGaveUpOn(HttpxClient):
    """Times a thread's result within a with block that joins the thread: silence hangs it."""

    def read(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        opened = self.open(method, url, body, headers, None)  # type: ignore[arg-type]
        with opened as (status, got, chunks):
            read = bytearray()
            for chunk in chunks:
                read += chunk
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
        return Answer(status, got, bytes(read))

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        with ThreadPoolExecutor(max_workers=1) as aside:
            reading = aside.submit(self.read, method, url, body, headers)
            try:
                return reading.result(self.timeout)
            except TimeoutError:
                raise ConnectionLost(f"No whole answer in {self.timeout} s.") from None


@faulty("cancellation", style="httpx-async")
class CancelsOthersInSharedFlight(HttpxAsyncClient):
    """Has equal calls for models share a task: who cancels one call cancels the others, too."""

    def prepare(self) -> None:
        self.flights: dict[str, asyncio.Task[Answer]] = {}

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        if method != "GET" or not url.startswith(self.url("/v2/models")):
            return await super().call(method, url, body)
        flight = self.flights.get(url)
        if flight is None:
            flight = self.flights[url] = asyncio.create_task(super().call(method, url))
            flight.add_done_callback(lambda _: self.flights.pop(url, None))
        return await flight


@faulty("cancellation", style="sdk-async", blocker=True)
class KeepsSlotsOfCancelledOrders(SdkAsyncClient):
    """Frees the slot of an order unless it is cancelled: three such orders block all others."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(3)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        await self.slots.acquire()
        try:
            answer = await super().attempt(method, url, body)
        except Exception:
            self.slots.release()
            raise
        self.slots.release()
        return answer


@faulty("pacing")
class PausesPollsForOrderLimits(HttpxClient):
    """Stops polling until X-RateLimit-Reset when no orders remain, though polls take none."""

    def poll(self, id: str) -> tuple[Any, float]:
        answer = self.attempt("GET", self.video_url(id), None)
        pause = self.told(answer.headers) or 0.0
        if answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            pause = max(pause, self.reset(answer.headers) or 0.0)
        return self.parse(answer, shapes.video), pause


@faulty("pacing")
class JittersBelowRetryAfterAgain(HttpxClient):
    """Applies its jitter to Retry-After as well, and so always comes back before it may."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        return None if pause is None else pause * random.uniform(0.4, 0.8)
