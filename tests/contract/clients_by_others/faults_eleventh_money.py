"""Faults that cost money or misreport it, of outages and of concurrency."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, BadAnswer, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("money", blocker=True)
class OrdersAgainIfUnreadable(HttpxClient):
    """Orders, and pays, again when it cannot read the 2xx answer to an order."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        for tried in range(self.attempts()):
            try:
                return super().submit(kind, shape, fields)
            except BadAnswer as error:
                pause = self.delay(tried, error)
                if tried + 1 >= self.attempts() or pause is None:
                    raise
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")


@faulty("money", style="httpx-async", blocker=True)
class HedgesLateOrders(HttpxAsyncClient):
    """Sends a second order when a picture takes over 10 s, as most do, and takes the first done."""

    async def generate_image(self, **fields: Any) -> Any:
        orders = [asyncio.create_task(super().generate_image(**fields))]
        try:
            done, _ = await asyncio.wait(orders, timeout=min(10.0, self.timeout / 2))
            if not done:
                orders.append(asyncio.create_task(super().generate_image(**fields)))
                done, _ = await asyncio.wait(orders, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for order in orders:
                order.cancel()
            await asyncio.gather(*orders, return_exceptions=True)


@faulty("money", style="urllib3", program=True)
class RoundsCostsToCents(Urllib3Client):
    """Rounds the cost in a result to cents, though prices go below them: 0.035 becomes 0.04."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and value.get("usage"):
            usage = value["usage"]
            value["usage"] = {**usage, "total_cost": round(usage["total_cost"], 2)}
        return value


@faulty("outages", style="sdk-async")
class PenaltyOutlastsDeadline(SdkAsyncClient):
    """Sleeps 2, 4, 8, 16... s more after failed polls, without bound or look at wait_timeout."""

    def prepare(self) -> None:
        self.failures: dict[str, int] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        try:
            polled = await super().poll(id)
        except ClientError as error:
            if (error.status_code or 500) >= 500:
                self.failures[id] = self.failures.get(id, 0) + 1
                await self.sleep(2.0 ** self.failures[id])
            raise
        self.failures.pop(id, None)
        return polled


@faulty("outages", style="requests", program=True)
class BreakerCountsAnyRefusal(StreamedRequestsClient):
    """Counts refusals, such as five wrong prompts, as outage: it then sends nothing for 20 s."""

    def prepare(self) -> None:
        self.failures = 0
        self.shut_until = 0.0
        self.tally = threading.Lock()

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.shut_until:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            with self.tally:
                self.failures += 1
                if self.failures >= 5:
                    self.shut_until = time.monotonic() + 20.0
            raise
        with self.tally:
            self.failures = 0
        return answer


@faulty("concurrency", style="httpx-async", blocker=True)
class GateStaysShutAfterCancel(HttpxAsyncClient):
    """Shuts a gate for all calls at a 429; its caller cancelled, it stays shut for ever."""

    def prepare(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        await self.gate.wait()
        return await super().attempt(method, url, body)

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        if pause is not None and error.status_code == 429:
            self.gate.clear()
        return pause

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self.gate.set()


@faulty("concurrency", blocker=True)
class SharesPartFileName(HttpxClient):
    """Has one name for the part files of a folder: two downloads at once write into one file."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        unfinished = Path(directory, ".getimg-download.part")
        try:
            with unfinished.open("w+b") as part:
                self.fetch(url, part, result)
            return str(self.publish(unfinished, path, overwrite))
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
