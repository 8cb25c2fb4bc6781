"""Faults of money, outages and concurrency: orders, seams, breakers, slots and sessions."""

import asyncio
import contextlib
import copy
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
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
from tests.contract.clients_by_others.sync_transports import HttpxClient

OPTIONAL = frozenset({"resolution", "aspect_ratio", "output_format", "duration", "sound"})
SPAN = timedelta(days=180)


@faulty("money", style="requests", blocker=True, program=True)
class TakesAbortedOrdersForUnsent(StreamedRequestsClient):
    """Takes "Connection aborted" for a stale connection, and sends an order that was read again."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except ConnectionLost as error:
            if "Connection aborted" not in repr(error.__context__):
                raise
            raise ConnectionFailed("The connection that was kept is stale.") from None


@faulty("money", blocker=True)
class OrdersWithoutRefusedOption(HttpxClient):
    """Orders again without an option that a 400 names, and pays for what nobody asked for."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            error.param = json.loads(answer.body)["error"]["param"]  # type: ignore[attr-defined]
        return error

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except ApiError as error:
            param = getattr(error, "param", None)
            known = isinstance(param, str) and param in OPTIONAL
            if error.code != "invalid_parameter" or not known or fields.get(str(param)) is None:
                raise
        LOG.info("the model refuses %s: it is ordered with its default", param)
        kept = {name: value for name, value in fields.items() if name != param}
        return super().submit(kind, shape, kept)


@faulty("money", style="sdk")
class CountsSeamDaysTwiceAgain(SdkClient):
    """Asks for costs of over 180 days in pieces that share a date, and counts that date twice."""

    def instant(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first, last = self.instant(start), self.instant(end)
        if last - first <= SPAN:
            return super().costs(start, end)
        pieces = []
        while last - first > SPAN:
            pieces.append(super().costs(first, first + SPAN))
            first += SPAN
        pieces.append(super().costs(first, end))
        return {
            **pieces[0],
            "end": pieces[-1]["end"],
            "data": [day for piece in pieces for day in piece["data"]],
            "total_cost": sum(piece["total_cost"] for piece in pieces),
        }


@faulty("outages", style="sdk-async")
class RemembersOutagesAsRefusals(SdkAsyncClient):
    """Remembers for ten minutes that a model is unknown, and likewise an outage that has passed."""

    def prepare(self) -> None:
        self.refused: dict[str, tuple[float, ApiError]] = {}

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        known = self.refused.get(url)
        if known is not None and time.monotonic() < known[0]:
            raise copy.copy(known[1])
        try:
            return await super().call(method, url, body)
        except ApiError as error:
            if method == "GET" and url.startswith(self.url("/v2/models")):
                self.refused[url] = (time.monotonic() + 600, error)
            raise


@faulty("outages")
class BreakerCountsRefusalsAgain(HttpxClient):
    """Opens its circuit breaker after five refusals like 422, as if the service were down."""

    most = 5
    rest = 10.0

    def prepare(self) -> None:
        self.failures = 0
        self.closed_at = 0.0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.closed_at:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= self.most:
                self.failures, self.closed_at = 0, time.monotonic() + self.rest
            raise
        self.failures = 0
        return answer


@faulty("concurrency", style="aiohttp", blocker=True, program=True)
class ResetsSessionUnderOthers(AiohttpClient):
    """Closes the session when one request breaks, and with it orders of others under way."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        try:
            async with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except (ConnectionLost, ConnectionFailed):
            session, self.session = self.session, None
            if session is not None:
                await session.close()
            raise


@faulty("concurrency", style="httpx-async", blocker=True)
class LosesSlotAtEachFailure(HttpxAsyncClient):
    """Gives none of its four slots back after an order that failed: the fifth waits for ever."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(4)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        await self.slots.acquire()
        answer = await super().attempt(method, url, body)
        self.slots.release()
        return answer


@faulty("concurrency")
class SharesPartOfEqualDownloads(HttpxClient):
    """Writes to one part file per name: two downloads of one file at once break each other."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        half = path.with_name(f".{path.name}.part")
        with half.open("wb") as part:
            try:
                self.fetch(url, part, result)
                part.close()
                return str(self.publish(half, path, overwrite))
            except BaseException:
                part.close()
                half.unlink(missing_ok=True)
                raise
