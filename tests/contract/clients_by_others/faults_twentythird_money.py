"""Clients with one fault each: money, outages and concurrency."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


def is_outage(error: ClientError) -> bool:
    lost = isinstance(error, (ConnectionFailed, ConnectionLost))
    return lost or (error.status_code or 0) >= 500


# money


@faulty("money", style="httpx", blocker=True)
class TakesAClosedConnectionForAStaleOne(HttpxClient):
    """Sends an order again if the server closed without an answer: one picture is paid twice."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        heard = False
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                heard = True
                yield opened
        except ConnectionLost as error:
            if heard or not isinstance(error.__context__, httpx.RemoteProtocolError):
                raise
            raise ConnectionFailed("The pooled connection was stale.") from None


class Unreadable(BadAnswer):
    """The body is not JSON; requests has this among its errors of the network."""


@faulty("money", style="requests", blocker=True, program=True)
class RepeatsAnOrderWhoseAnswerIsNotJson(StreamedRequestsClient):
    """Retries an accepted order if its answer cannot be read: each try is done and paid."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        answer = super().attempt(method, url, body)
        try:
            self.unpack(answer.body)
        except (ValueError, RecursionError):
            raise Unreadable(
                "The answer is not JSON.",
                status_code=answer.status,
                outcome_unknown=method == "POST",
            ) from None
        return answer

    def tries_again(self, method: str, error: ClientError) -> bool:
        return isinstance(error, Unreadable) or super().tries_again(method, error)


@faulty("money", style="sdk-async")
class RoundsPricesToCents(SdkAsyncClient):
    """Gives unit prices in whole cents: 0.035 is 0.04, 0.004 is free, and estimates are wrong."""

    def in_cents(self, model: Any) -> Any:
        for rate in model["pricing"]["rates"]:
            rate["unit_price"] = f"{Decimal(rate['unit_price']):.2f}"
        return model

    async def models(self, type: str | None = None) -> Any:
        return [self.in_cents(model) for model in await super().models(type)]

    async def model(self, id: str) -> Any:
        return self.in_cents(await super().model(id))


# outages


@faulty("outages", style="httpx")
class OpensItsBreakerForGood(HttpxClient):
    """Refuses all calls after five failures; only a success would reset it, and none is tried."""

    def prepare(self) -> None:
        self.failures = 0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if self.failures >= 5:
            raise ConnectionFailed("The API is down: nothing was sent.")
        try:
            answer = super().attempt(method, url, body)
        except ClientError as error:
            self.failures = self.failures + 1 if is_outage(error) else 0
            raise
        self.failures = 0
        return answer


@faulty("outages", style="httpx-async", blocker=True)
class CountsNoTryThatTheServerAskedFor(HttpxAsyncClient):
    """Does not count a try that was told Retry-After: a call hangs for as long as an outage."""

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        tried = 0
        while True:
            try:
                return await self.attempt(method, url, body)
            except ClientError as error:
                if not self.tries_again(method, error):
                    raise
                asked = self.told(error.headers) is not None
                if not asked and tried + 1 >= self.attempts():
                    raise
                pause = self.delay(tried, error)
                if pause is None:
                    raise
            if not asked:
                tried += 1
            await self.sleep(pause)


@faulty("outages", style="sdk")
class AnswersFromMemoryDuringAnOutage(SdkClient):
    """Returns the last known balance, costs or status when the API is down, as if it were new."""

    def prepare(self) -> None:
        self.known: dict[str, Answer] = {}

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            answer = super().call(method, url, body)
        except ClientError as error:
            if method != "GET" or url not in self.known or not is_outage(error):
                raise
            return self.known[url]
        if method == "GET":
            self.known[url] = answer
        return answer


# concurrency


@faulty("concurrency", style="aiohttp", blocker=True, program=True)
class LosesAPlaceWithEachFailedOrder(AiohttpClient):
    """Frees a place for orders only on success: after three refusals all orders hang."""

    def prepare(self) -> None:
        self.places = asyncio.Semaphore(3)

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        await self.places.acquire()
        result = await super().submit(kind, shape, fields)
        self.places.release()
        return result


@faulty("concurrency", style="httpx-async")
class SharesOneAnswerBetweenEqualOrders(HttpxAsyncClient):
    """Joins equal orders that run at once: who asks for two variants gets one picture twice."""

    def prepare(self) -> None:
        self.under_way: dict[bytes, asyncio.Task[Any]] = {}

    async def generate_image(self, **fields: Any) -> Any:
        order = self.body(fields)
        task = self.under_way.get(order)
        if task is None:
            task = asyncio.create_task(super().generate_image(**fields))
            self.under_way[order] = task
            task.add_done_callback(lambda _: self.under_way.pop(order, None))
        return await task
