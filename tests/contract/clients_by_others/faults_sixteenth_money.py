"""Faults of money, outages and concurrency."""

import asyncio
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar

import getimg

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, ClientError, ConnectionFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer, Secret
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("money", style="sdk-async", blocker=True)
class SendsSlowOrdersTwice(SdkAsyncClient):
    """Sends a slow order a second time and takes the answer that comes first: both are paid."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        ask = super().exchange
        if method != "POST":
            return await ask(method, url, body, headers)
        orders = [asyncio.ensure_future(ask(method, url, body, headers))]
        try:
            done, _ = await asyncio.wait(orders, timeout=min(self.timeout / 4, 10.0))
            if not done:
                orders.append(asyncio.ensure_future(ask(method, url, body, headers)))
                done, _ = await asyncio.wait(orders, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for order in orders:
                order.cancel()
            await asyncio.gather(*orders, return_exceptions=True)


@faulty("money", blocker=True)
class TurnsToOtherModel(HttpxClient):
    """Orders from another model when one answers 5xx, though that order may be done and charged."""

    def substitute(self, model: Any) -> str | None:
        try:
            found = [str(item["id"]) for item in self.models("image")]
        except ClientError:
            return None
        return next((other for other in found if other != model), None)

    def generate_image(self, **fields: Any) -> Any:
        try:
            return super().generate_image(**fields)
        except ClientError as error:
            other = self.substitute(fields.get("model")) if self.broken(error) else None
            if other is None:
                raise
        return super().generate_image(**{**fields, "model": other})

    def broken(self, error: ClientError) -> bool:
        return (error.status_code or 0) >= 500


@faulty("money")
class CountsSharedDaysTwice(HttpxClient):
    """Asks for costs month by month, and counts the day twice at which one ends and one begins."""

    month = timedelta(days=31)
    longest = timedelta(days=180)

    def edges(self, start: datetime | str, end: datetime | str) -> list[datetime]:
        try:
            first, last = (datetime.fromisoformat(self.moment(at).upper()) for at in (start, end))
        except ValueError:  # the API, or the call itself, says what is wrong with it
            return []
        edges = [first]
        if last - first <= self.longest:
            while edges[-1] + self.month < last:
                edges.append(edges[-1] + self.month)
        return [*edges, last]

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        ask, edges = super().costs, self.edges(start, end)
        if len(edges) <= 2:
            return ask(start, end)
        months = [ask(one, other) for one, other in pairwise(edges)]
        return {
            **months[0],
            "data": [day for month in months for day in month["data"]],
            "end": months[-1]["end"],
            "total_cost": round(sum(month["total_cost"] for month in months), 6),
        }


@faulty("money", style="sdk", blocker=True)
class BillsKeyOfLastClient(SdkClient):
    """Keeps the key in the class: of two clients with two keys, both bill the one made last."""

    current: ClassVar[Secret]

    def prepare(self) -> None:
        BillsKeyOfLastClient.current = self.secret

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.current.reveal(),
            max_retries=0,
            timeout=self.timeout,
            http_client=self.http,
        )


@faulty("outages", style="aiohttp", blocker=True, program=True)
class ProbesUntilHealthy(AiohttpClient):
    """Asks in an outage for the models until they come, without bound, whatever the options."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return await super().attempt(method, url, body)
        except ClientError as error:
            if self.down(error):
                await self.recover()
            raise

    def down(self, error: ClientError) -> bool:
        return isinstance(error, ConnectionFailed) or error.status_code in {502, 503, 504}

    async def recover(self) -> None:
        while True:
            await self.sleep(1.0)
            try:
                await super().attempt("GET", self.url("/v2/models"), None)
            except ClientError as error:
                if self.down(error):
                    continue
            return


@faulty("outages", style="sdk-async")
class RefusalsCountForBreaker(SdkAsyncClient):
    """Has a circuit breaker that counts refusals, too: five bad prompts block the good ones."""

    def prepare(self) -> None:
        self.failures = 0
        self.closed_from = 0.0

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.closed_from:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = await super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= 5:
                self.closed_from = time.monotonic() + 30.0
            raise
        self.failures = 0
        return answer


@faulty("concurrency", style="requests", blocker=True, program=True)
class HoldsSlotsOfSubmittedVideos(StreamedRequestsClient):
    """Frees a video's slot in its wait alone: who only submits hangs for ever at the fourth."""

    def prepare(self) -> None:
        self.slots = threading.Semaphore(3)
        self.held: set[str] = set()

    def submit_video(self, **fields: Any) -> Any:
        self.slots.acquire()
        try:
            accepted = super().submit_video(**fields)
        except BaseException:
            self.slots.release()
            raise
        self.held.add(accepted["id"])
        return accepted

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        finally:
            if id in self.held:
                self.held.discard(id)
                self.slots.release()


@dataclass
class Flight:
    """An order under way, and how many calls wait for it."""

    order: "asyncio.Future[Any]"
    riders: int = 0


@faulty("concurrency", style="httpx-async", blocker=True)
class SharesOrdersByPrompt(HttpxAsyncClient):
    """Gives calls at once with one prompt one picture, though models and sizes differ."""

    def prepare(self) -> None:
        self.flights: dict[str, Flight] = {}

    def flight(self, fields: dict[str, Any]) -> Flight:
        prompt = str(fields.get("prompt"))
        if prompt not in self.flights:
            order = asyncio.ensure_future(super().generate_image(**fields))
            order.add_done_callback(lambda _: self.flights.pop(prompt, None))
            self.flights[prompt] = Flight(order)
        return self.flights[prompt]

    async def generate_image(self, **fields: Any) -> Any:
        flight = self.flight(fields)
        flight.riders += 1
        try:
            return await asyncio.shield(flight.order)
        except asyncio.CancelledError:
            if flight.riders == 1:
                flight.order.cancel()
                await asyncio.gather(flight.order, return_exceptions=True)
            raise
        finally:
            flight.riders -= 1
