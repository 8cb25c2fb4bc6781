"""More faults that cost money or misreport it, or that show in outages and under concurrency."""

import asyncio
import copy
import time
from datetime import datetime, timedelta
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ClientError,
    ConnectionLost,
    GenerationFailed,
)
from tests.contract.clients_by_others.faults_tenth_files import StrictAiohttpClient
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, PATHS, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient

LONGEST = timedelta(days=180)
NEXT_BEST = {
    "seedream-5-lite": "seedream-4-5",
    "seedream-4-5": "seedream-4",
    "gpt-image-2": "gemini-3-1-flash-image",
    "gemini-3-1-flash-image": "gpt-image-2",
    "wan-2-7-image": "gpt-image-2",
    "z-image-turbo": "seedream-5-lite",
    "seedance-v1-5-pro": "seedance-v1-pro",
    "seedance-v1-pro": "seedance-v1-5-pro",
}


@faulty("money", blocker=True)
class ResendsUnsettledOrdersLater(HttpxClient):
    """Keeps orders whose answer was lost in an outbox, and sends them again before the next."""

    def prepare(self) -> None:
        self.outbox: list[tuple[str, bytes]] = []

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        self.send_outbox()
        try:
            return super().submit(kind, shape, fields)
        except ConnectionLost:
            self.outbox.append((self.url(PATHS[kind]), self.body(fields)))
            raise

    def send_outbox(self) -> None:
        waiting, self.outbox = self.outbox, []
        for url, body in waiting:
            try:
                self.call("POST", url, body)
            except ClientError as error:
                LOG.warning("an order of the outbox was given up: %s", error.status_code)


@faulty("money", style="sdk", blocker=True)
class OrdersFromNextBestModel(SdkClient):
    """Sends an order that a 5xx left open to another model unasked, and may so pay for two."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        other = NEXT_BEST.get(str(fields.get("model")))
        try:
            return super().submit(kind, shape, fields)
        except ApiError as error:
            if (error.status_code or 0) < 500 or other is None:
                raise
        return super().submit(kind, shape, {**fields, "model": other})


@faulty("money", style="aiohttp", program=True)
class CountsSeamDayInTwoRanges(StrictAiohttpClient):
    """Adds up costs of more than 180 days from ranges that share a day, whose cost counts twice."""

    def instant(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())

    async def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first, last = self.instant(start), self.instant(end)
        if last - first <= LONGEST:
            return await super().costs(start, end)
        whole = await super().costs(first, first + LONGEST)
        while (first := first + LONGEST) < last:
            more = await super().costs(first, min(first + LONGEST, last))
            whole["data"] += more["data"]
            whole["end"] = more["end"]
            whole["total_cost"] = round(whole["total_cost"] + more["total_cost"], 9)
        return whole


@faulty("outages", style="sdk-async", blocker=True)
class CallsUnreachableVideosFailed(SdkAsyncClient):
    """Says after three polls without an answer that the video failed, though it goes on."""

    def prepare(self) -> None:
        self.misses: dict[str, int] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        try:
            polled = await super().poll(id)
        except ClientError as error:
            down = not isinstance(error, BadAnswer) and (error.status_code or 500) >= 500
            missed = self.misses.pop(id, 0) + 1
            if down and missed >= 3:
                raise GenerationFailed(
                    f"Video {id} failed: {error.message}", code="server_error", generation_id=id
                ) from None
            if down:
                self.misses[id] = missed
            raise
        self.misses.pop(id, None)
        return polled


@faulty("outages", style="requests", program=True)
class CountsRefusalsAsOutage(StreamedRequestsClient):
    """Counts refusals such as 400 and 422 as outage: five, and it sends nothing for 30 s."""

    def prepare(self) -> None:
        self.failures = 0
        self.opens_again = 0.0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.opens_again:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= 5:
                self.failures, self.opens_again = 0, time.monotonic() + 30.0
            raise
        self.failures = 0
        return answer


@faulty("concurrency", style="httpx-async", blocker=True)
class ReadsIntoSharedBuffer(HttpxAsyncClient):
    """Reads all answers into one buffer of the client: answers that come at once get mixed."""

    def prepare(self) -> None:
        self.buffer = bytearray()

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        opened = self.open(method, url, body, headers, self.timeout)
        try:
            async with self.limit(), opened as (status, got, chunks):
                self.buffer.clear()
                async for chunk in chunks:
                    self.buffer += chunk
                    if len(self.buffer) > 16 * MEBIBYTE:
                        raise BadAnswer("The answer is larger than any of the API.")
                return Answer(status, got, bytes(self.buffer))
        except TimeoutError:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.") from None


@faulty("concurrency", style="sdk-async")
class SharesPictureOfOnePrompt(SdkAsyncClient):
    """Gives orders of one prompt that are under way one picture, whatever else each asks for."""

    def prepare(self) -> None:
        self.under_way: dict[tuple[Any, Any], asyncio.Future[Any]] = {}

    async def generate_image(self, **fields: Any) -> Any:
        same = (fields.get("model"), fields.get("prompt"))
        if same in self.under_way:
            found = await asyncio.shield(self.under_way[same])
            return copy.deepcopy(found) if found else await super().generate_image(**fields)
        made = None
        self.under_way[same] = asyncio.get_running_loop().create_future()
        try:
            made = await super().generate_image(**fields)
            return made
        finally:
            self.under_way.pop(same).set_result(made)
