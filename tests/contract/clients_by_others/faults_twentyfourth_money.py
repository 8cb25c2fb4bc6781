"""Clients with one fault each: money, outages and concurrency."""

import asyncio
import copy
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient

HEDGE_AFTER = 8.0
WEEK = timedelta(days=7)
LONGEST_RANGE = timedelta(days=180)
FAILURES_OF_AN_OUTAGE = 5
BREAK = 30.0
FAILED_POLLS = 5


def is_outage(error: ClientError) -> bool:
    lost = isinstance(error, (ConnectionFailed, ConnectionLost))
    return lost or (error.status_code or 0) >= 500


@faulty("money", style="httpx", blocker=True)
class TakesDroppedOrdersForStaleConnections(HttpxClient):
    """Resends an order when the connection drops before an answer: it may be paid for twice."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        answered = False
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                answered = True
                yield opened
        except ConnectionLost as error:
            if answered or "Timeout" in error.message:
                raise
            raise ConnectionFailed("The pool had a stale connection.") from None


@faulty("money", style="httpx-async", blocker=True)
class HedgesSlowOrdersAnew(HttpxAsyncClient):
    """Sends a call again when 8 s bring no answer, orders too: each slow image is paid twice."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        sent = {asyncio.ensure_future(super().exchange(method, url, body, headers))}
        try:
            done, _ = await asyncio.wait(sent, timeout=HEDGE_AFTER)
            if not done:
                sent.add(asyncio.ensure_future(super().exchange(method, url, body, headers)))
                done, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in sent:
                task.cancel()
            await asyncio.gather(*sent, return_exceptions=True)


@faulty("money", style="sdk")
class AddsBorderDaysTwice(SdkClient):
    """Asks for costs week by week, though both ends are inclusive: border days count twice."""

    def borders(self, start: str, end: str) -> list[str]:
        try:
            first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        except ValueError:
            return [start, end]
        found, border = [start], first + WEEK
        while last - first <= LONGEST_RANGE and border < last:
            found.append(border.isoformat())
            border += WEEK
        return [*found, end]

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        weeks = []
        for since, until in pairwise(self.borders(self.moment(start), self.moment(end))):
            weeks.append(super().costs(since, until))
        return {
            **weeks[0],
            "data": [day for week in weeks for day in week["data"]],
            "end": weeks[-1]["end"],
            "total_cost": sum(week["total_cost"] for week in weeks),
        }


@faulty("outages", style="sdk", blocker=True)
class KeepsItsBreakerOpenByRefusals(SdkClient):
    """Counts calls that its breaker refused as failures: once open, polling keeps it open."""

    def prepare(self) -> None:
        self.failures = 0
        self.open_until = 0.0

    def failed(self) -> None:
        self.failures += 1
        if self.failures >= FAILURES_OF_AN_OUTAGE:
            self.open_until = time.monotonic() + BREAK

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            if time.monotonic() < self.open_until:
                raise ConnectionFailed("The API has an outage: no request was sent.")
            answer = super().attempt(method, url, body)
        except ClientError as error:
            if is_outage(error):
                self.failed()
            raise
        self.failures = 0
        return answer


@faulty("outages", style="httpx-async")
class NeverForgetsFailedPollsAnew(HttpxAsyncClient):
    """Counts failed polls over all its life: after five, one hiccup ends any paid wait."""

    def prepare(self) -> None:
        self.failed_polls = 0

    def survivable(self, error: ClientError, waited: float) -> bool:
        self.failed_polls += 1
        return self.failed_polls <= FAILED_POLLS and super().survivable(error, waited)


@faulty("outages", style="httpx")
class ShowsTheLastBalanceInAnOutage(HttpxClient):
    """Returns the balance that it saw last when the API is down: old money passes for new."""

    def prepare(self) -> None:
        self.last_balance: dict[str, Any] | None = None

    def balance(self) -> Any:
        try:
            self.last_balance = super().balance()
        except ClientError as error:
            if self.last_balance is None or not is_outage(error):
                raise
            LOG.warning("no balance, using the last one: %s", error)
        return copy.copy(self.last_balance)


@faulty("concurrency", style="stdlib", blocker=True, program=True)
class JoinsOrdersByTheirPrompt(StdlibClient):
    """Joins an order to one under way with its prompt: it gets that one's model and format."""

    def prepare(self) -> None:
        self.under_way: dict[tuple[str, str], Future[Any]] = {}

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        order = (kind, str(fields.get("prompt")))
        mine: Future[Any] = Future()
        with self.lock:
            first = self.under_way.setdefault(order, mine)
        if first is not mine:
            return copy.deepcopy(first.result())
        try:
            answer = super().submit(kind, shape, fields)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(answer)
            return answer
        finally:
            with self.lock:
                del self.under_way[order]


@faulty("concurrency", style="aiohttp", blocker=True, program=True)
class LosesAPlaceWithEachCancel(AiohttpClient):
    """Gives its three places back after errors, not cancels: three later, orders hang for good."""

    def prepare(self) -> None:
        self.places = asyncio.Semaphore(3)

    async def placed(self, work: Coroutine[Any, Any, Any]) -> Any:
        try:
            result = await work
        except Exception:
            self.places.release()
            raise
        self.places.release()
        return result

    async def generate_image(self, **fields: Any) -> Any:
        await self.places.acquire()
        return await self.placed(super().generate_image(**fields))

    async def generate_video(self, **fields: Any) -> Any:
        await self.places.acquire()
        return await self.placed(super().generate_video(**fields))
