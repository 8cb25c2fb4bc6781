"""Faults that cost or misreport money, and faults that show in an outage."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient

PAGE = timedelta(days=30)
LONGEST = timedelta(days=180)


@faulty("money", blocker=True)
class ReordersVideosAt404(HttpxClient):
    """Takes a fresh video that is not known yet for a lost one, and orders and pays for another."""

    def survivable(self, error: ClientError, waited: float) -> bool:
        return error.status_code != 404 and super().survivable(error, waited)

    def generate_video(self, **fields: Any) -> Any:
        try:
            return super().generate_video(**fields)
        except ApiError as error:
            if error.status_code != 404 or error.generation_id is None:
                raise
        LOG.warning("the video got lost, and is ordered again")
        return super().generate_video(**fields)


@faulty("money", style="requests", program=True)
class CountsBorderDaysTwice(StreamedRequestsClient):
    """Gets costs by pages of 30 days whose borders are in both, and adds those days up twice."""

    def when(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first, last = self.when(start), self.when(end)
        if not PAGE < last - first <= LONGEST:
            return super().costs(start, end)
        pages = []
        while first < last:
            until = min(first + PAGE, last)
            pages.append(super().costs(first, until))
            first = until
        total = sum(Decimal(str(page["total_cost"])) for page in pages)
        days = [day for page in pages for day in page["data"]]
        return {**pages[0], "end": pages[-1]["end"], "data": days, "total_cost": float(total)}


@faulty("money", style="sdk", blocker=True)
class FallsBackToOtherModel(SdkClient):
    """Orders of another model when one answers 5xx: not what was asked, and maybe paid twice."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except ApiError as error:
            spare = self.spare(kind, fields) if (error.status_code or 0) >= 500 else None
            if spare is None:
                raise
        LOG.warning("%s is down, so %s is asked", fields["model"], spare)
        return super().submit(kind, shape, {**fields, "model": spare})

    def spare(self, kind: str, fields: dict[str, Any]) -> str | None:
        try:
            found = [model["id"] for model in self.models(kind)]
        except ClientError:
            return None
        return next((each for each in found if each != fields.get("model")), None)


@faulty("outages", style="requests", program=True)
class TakesZeroRetriesForDefault(StreamedRequestsClient):
    """Takes max_retries=0 for "not said", and tries what fails three more times."""

    def prepare(self) -> None:
        self.max_retries = self.max_retries or 3


@faulty("outages")
class BreakerOpensAtRefusals(HttpxClient):
    """Has a breaker that counts refusals such as 422: after five, good orders are not sent."""

    rest = 30.0

    def prepare(self) -> None:
        self.failures = 0
        self.opened = 0.0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return super().attempt(method, url, body)
        if self.failures >= 5 and time.monotonic() < self.opened + self.rest:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except BadAnswer:
            raise
        except ClientError:
            self.failures += 1
            self.opened = time.monotonic()
            raise
        self.failures = 0
        return answer


@faulty("outages", style="aiohttp", blocker=True, program=True)
class ClosesSessionAtErrors(AiohttpClient):
    """Closes its session when a connection breaks, and keeps it: each later call dies of that."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        try:
            async with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except (ConnectionFailed, ConnectionLost):
            if self.session is not None:
                await self.session.close()
            raise
