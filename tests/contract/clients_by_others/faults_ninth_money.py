"""Faults that cost money, misreport it, or show while the service is down."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

LONGEST = timedelta(days=180)


@faulty("money", style="httpx-async", blocker=True)
class HedgesOrdersAfterFourSeconds(HttpxAsyncClient):
    """Sends an order a second time when it is not answered in 4 s, and takes what comes first."""

    hedge_after = 4.0

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        racing = {asyncio.ensure_future(super().attempt(method, url, body))}
        try:
            done, _ = await asyncio.wait(racing, timeout=self.hedge_after)
            if not done:
                racing.add(asyncio.ensure_future(super().attempt(method, url, body)))
                done, _ = await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for request in racing:
                request.cancel()
            await asyncio.gather(*racing, return_exceptions=True)


@faulty("money", style="sdk", blocker=True)
class OrdersAnewAfterWaitTimeout(SdkClient):
    """Retries generate_video as a whole: a video that is slow is ordered, and paid for, anew."""

    def generate_video(self, **fields: Any) -> Any:
        for tried in range(self.attempts()):
            try:
                return super().generate_video(**fields)
            except WaitTimeout:
                if tried + 1 >= self.attempts():
                    raise
        raise AssertionError("the last try returns or raises")


@faulty("money")
class CountsSeamDaysTwice(HttpxClient):
    """Adds up long spans of costs from spans of 180 days, with the day between two in both."""

    def instant(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first, last = self.instant(start), self.instant(end)
        if last - first <= LONGEST:
            return super().costs(start, end)
        spans = []
        while first < last:
            until = min(first + LONGEST, last)
            spans.append(super().costs(first, until))
            first = until
        return {
            **spans[-1],
            "start": spans[0]["start"],
            "data": [day for span in spans for day in span["data"]],
            "total_cost": sum(span["total_cost"] for span in spans),
        }


@faulty("outages", style="urllib3", program=True)
class BreakerTripsOnRefusals(Urllib3Client):
    """Has a circuit breaker that counts refusals too: five bad prompts stop all calls for 30 s."""

    def prepare(self) -> None:
        self.failures = 0
        self.closed_until = 0.0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if time.monotonic() < self.closed_until:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            if self.failures >= 5:
                self.closed_until = time.monotonic() + 30.0
            raise
        self.failures = 0
        return answer


@faulty("outages", style="sdk-async", blocker=True)
class CallsOutageFailedVideo(SdkAsyncClient):
    """Says of a video that it failed when the service cannot be asked about it."""

    async def retrieve_video(self, id: str) -> Any:
        try:
            return await super().retrieve_video(id)
        except ClientError as error:
            if (error.status_code or 500) < 500:
                raise
            told = {"message": str(error), "code": error.code or "server_error"}
            return {"id": id, "status": "failed", "error": told}


@faulty("errors", style="requests", program=True)
class RetriesOutOfCredit(StreamedRequestsClient):
    """Takes quota_exceeded, which is an empty balance, for a rate limit, and orders again."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        return error.code == "quota_exceeded" or super().tries_again(method, error)
