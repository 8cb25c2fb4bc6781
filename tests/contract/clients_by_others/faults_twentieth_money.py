"""Faults that cost money, that show in outages, or when calls run side by side."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

OPTIONAL = {"aspect_ratio", "resolution", "output_format", "duration", "sound"}


def refused_param(answer: Answer) -> str | None:
    try:
        return str(json.loads(answer.body)["error"]["param"])
    except (ValueError, LookupError, TypeError):
        return None


@faulty("money", style="sdk", blocker=True)
class DropsRefusedParameters(SdkClient):
    """Leaves out a parameter that was refused and orders again: pays for what nobody asked for."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.param = refused_param(answer)  # type: ignore[attr-defined]
        return error

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except ClientError as error:
            param = getattr(error, "param", None)
            known = param in OPTIONAL and fields.get(param) is not None
            if error.code != "invalid_parameter" or not known:
                raise
        LOG.warning("%s is not supported as given, and is left out", param)
        return self.submit(kind, shape, {**fields, str(param): None})


@faulty("money", style="sdk-async", blocker=True)
class OrdersTwiceWhereSlow(SdkAsyncClient):
    """Sends an order a second time if it takes over 5 s, and uses what comes first: pays twice."""

    hedge_after = 5.0

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        tries = [asyncio.ensure_future(super().attempt(method, url, body))]
        try:
            done, _ = await asyncio.wait(tries, timeout=self.hedge_after)
            if not done:
                tries.append(asyncio.ensure_future(super().attempt(method, url, body)))
                done, _ = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
            return next(each for each in tries if each in done).result()
        finally:
            for each in tries:
                each.cancel()
            await asyncio.gather(*tries, return_exceptions=True)


@faulty("money", style="aiohttp", program=True)
class TellsUsageInCents(AiohttpClient):
    """Rounds what a generation costs to cents: 0.035 dollars are told as 0.04, 0.004 as none."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        usage = value.get("usage") if isinstance(value, dict) else None
        if usage:
            usage["total_cost"] = round(usage["total_cost"], 2)
        return value


@faulty("outages", style="requests", blocker=True, program=True)
class RetriesRefusedConnectionsForEver(StreamedRequestsClient):
    """Tries a refused connection again without counting, as nothing was sent: it never gives up."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        pause = self.first_wait
        while True:
            try:
                return super().attempt(method, url, body)
            except ConnectionFailed as error:
                LOG.info("%s Trying again in %.1f s.", error, pause)
            self.sleep(pause)
            pause = min(pause * 2, self.longest_wait)


@faulty("outages", blocker=True)
class KeepsClosedPoolAfterBreak(HttpxClient):
    """Closes its pool after a broken connection, to begin afresh, yet goes on with that pool."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except ConnectionLost:
            self.close()
            raise


@faulty("outages", style="urllib3", program=True)
class BreakerOpensByRefusals(Urllib3Client):
    """Has a circuit breaker that five wrong requests open too: it then refuses the right ones."""

    open_for = 20.0

    def prepare(self) -> None:
        self.failures = 0
        self.closes_at = 0.0

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.closes_at:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= 5:
                self.closes_at = time.monotonic() + self.open_for
            raise
        self.failures = 0
        return answer


@faulty("concurrency", style="httpx-async")
class CoalescesEqualOrders(HttpxAsyncClient):
    """Takes equal orders at one time for one: who asks for three pictures gets one three times."""

    def prepare(self) -> None:
        self.under_way: dict[tuple[str, bytes], asyncio.Future[Any]] = {}

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        which = (kind, self.body(fields))
        if which not in self.under_way:
            order = asyncio.ensure_future(super().submit(kind, shape, fields))
            self.under_way[which] = order
            order.add_done_callback(lambda _: self.under_way.pop(which))
        return await self.under_way[which]


@faulty("concurrency", blocker=True)
class DownloadsUnderChdir(HttpxClient):
    """Changes into the folder while it downloads: of two threads, one's file lands elsewhere."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        with contextlib.chdir(directory):
            saved = super().download(result=result, directory=".", index=index, overwrite=overwrite)
        return str(Path(directory, saved))
