"""Faults that cost money, misreport it, show in outages, or hit what runs beside the client."""

import asyncio
import os
import random
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal, getcontext
from statistics import fmean
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, PATHS, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("money", style="sdk", blocker=True)
class OrdersDryRunsForReal(SdkClient):
    """Sends a video first with dry_run, a field that the API lets pass unread: two are paid."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if kind == "video":
            trial = self.body({**fields, "dry_run": True})
            self.call("POST", self.url(PATHS[kind]), trial)
        return super().submit(kind, shape, fields)


@faulty("money", style="urllib3", program=True)
class TakesEndOfCostsForExclusive(Urllib3Client):
    """Asks for costs to just before `end`, which is inclusive: an end at 00:00 loses its day."""

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        last = datetime.fromisoformat(self.moment(end).upper()) - timedelta(microseconds=1)
        return super().costs(start, last)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened


@faulty("money", style="sdk-async")
class CoarsensDecimalsOfCaller(SdkAsyncClient):
    """Checks bills by six digits, set in the caller's decimal context: his own sums lose cents."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and value.get("usage"):
            self.check_bill(value["usage"])
        return value

    def check_bill(self, usage: dict[str, Any]) -> None:
        getcontext().prec = 6
        due = Decimal(str(usage["unit_price"])) * Decimal(str(usage["quantity"]))
        if due != +Decimal(str(usage["total_cost"])):
            LOG.info("billed %s where %s was due", usage["total_cost"], due)


@faulty("outages", style="httpx-async", blocker=True)
class LearnsTimeoutFromQuickCalls(HttpxAsyncClient):
    """Fits its timeout to how long calls took: after some quick ones a slow paid picture is cut."""

    def prepare(self) -> None:
        self.took: deque[float] = deque(maxlen=20)

    def allowed(self) -> float:
        if len(self.took) < 5:
            return self.timeout
        return min(self.timeout, max(1.0, 10 * fmean(self.took)))

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        began, allowed = time.monotonic(), self.allowed()
        try:
            async with asyncio.timeout(allowed):
                answer = await super().exchange(method, url, body, headers)
        except TimeoutError:
            raise ConnectionLost(f"No whole answer in {allowed:.1f} s.") from None
        self.took.append(time.monotonic() - began)
        return answer


@faulty("outages", blocker=True)
class TurnsToAddressOfEnvironment(HttpxClient):
    """When its address is down, sends key and order to that in GETIMG_AI_BASE_URL, unasked."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ConnectionFailed:
            spare = os.environ.get("GETIMG_AI_BASE_URL", "").rstrip("/")
            if not spare or spare == self.base_url:
                raise
        return super().attempt(method, spare + url.removeprefix(self.base_url), body)


@faulty("concurrency", style="httpx-async", blocker=True)
class CancelsWholeLoopOnClose(HttpxAsyncClient):
    """Ends its waits on aclose by cancelling all tasks of the loop, those of the caller as well."""

    async def aclose(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await super().aclose()


@faulty("concurrency")
class ReseedsSharedRandom(HttpxClient):
    """Seeds the random numbers of the process by its pid: each new client makes them repeat."""

    def prepare(self) -> None:
        random.seed(os.getpid())  # so that workers do not wait in step
