"""More faults of money, outages and concurrency."""

import asyncio
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, ClientError, ConnectionFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("money", style="httpx-async", blocker=True)
class HedgesOrdersAnsweredLate(HttpxAsyncClient):
    """Sends a slow order a second time, as one hedges reads, and takes the answer that is first."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        tries = [asyncio.ensure_future(super().attempt(method, url, body))]
        try:
            await asyncio.wait(tries, timeout=min(self.timeout / 4, 8.0))
            if not tries[0].done():
                tries.append(asyncio.ensure_future(super().attempt(method, url, body)))
            done, _ = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for each in tries:
                each.cancel()
            await asyncio.gather(*tries, return_exceptions=True)


@faulty("money", style="sdk")
class RelabelsLocalTimeAsUtc(SdkClient):
    """Writes Z in place of an offset without converting: costs are those of other days."""

    def moment(self, value: datetime | str) -> str:
        return re.sub(r"[+-]\d\d:\d\d$", "Z", super().moment(value))


@faulty("money", style="aiohttp", program=True)
class QuotesBalanceInCents(AiohttpClient):
    """Rounds the balance to cents through a float: 0.035 dollars are told as four cents."""

    async def balance(self) -> Any:
        told = await super().balance()
        return {**told, "balance": f"{float(told['balance']):.2f}"}


@faulty("outages", style="requests", program=True)
class RefusalsTripItsBreaker(StreamedRequestsClient):
    """Counts refused prompts as an outage: after five the next right call is not sent at all."""

    def prepare(self) -> None:
        self.failures = 0
        self.shut_until = 0.0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.shut_until:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= 5:
                self.failures, self.shut_until = 0, time.monotonic() + 30.0
            raise
        self.failures = 0
        return answer


@faulty("outages", blocker=True)
class WaitsForNetworkForever(HttpxClient):
    """Takes a refused connection for a network that will come back, and tries without end."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        while True:
            try:
                return super().call(method, url, body)
            except ConnectionFailed:
                LOG.warning("no network: waiting for it")
            self.sleep(5.0)


@faulty("concurrency", style="sdk-async", blocker=True)
class LosesSlotAtRefusal(SdkAsyncClient):
    """Gives a slot back after a success alone: four refused orders, and the next waits for ever."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(4)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        await self.slots.acquire()
        answer = await super().attempt(method, url, body)
        self.slots.release()
        return answer


@faulty("concurrency", style="threads", blocker=True)
class SharesPartNameByIndex(HttpxClient):
    """Names its part file by index alone: two downloads into one folder at once mix their bytes."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        part = Path(directory, f".getimg-{index}.part")
        try:
            with part.open("wb") as file:
                self.fetch(url, file, result)
            return str(self.publish(part, path, overwrite))
        except BaseException:
            part.unlink(missing_ok=True)
            raise
