"""Faults that cost money, misreport it, or show while the service is down."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ClientError,
    ConnectionFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("money", style="sdk", blocker=True)
class OrdersAnewAtWaitTimeout(SdkClient):
    """Orders the video a second time, and pays for both, when the wait for the first runs out."""

    def generate_video(self, **fields: Any) -> Any:
        try:
            return super().generate_video(**fields)
        except WaitTimeout as error:
            LOG.warning("video %s took too long, trying again", error.generation_id)
        return super().generate_video(**fields)


@faulty("money", style="urllib3", blocker=True, program=True)
class ReordersUnreadableAnswers(Urllib3Client):
    """Sends an order again when the answer of a success, paid by then, cannot be read."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        for tried in range(self.max_retries):
            try:
                return super().submit(kind, shape, fields)
            except BadAnswer as error:
                LOG.warning("unreadable answer: %s", error.message)
            self.sleep(min(self.longest_wait, self.first_wait * 2**tried))
        return super().submit(kind, shape, fields)


@faulty("money")
class CountsSeamDayTwice(HttpxClient):
    """Splits a range of over 180 days, and counts the day of the seam in both parts."""

    longest_range = timedelta(days=179)

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        began, ends = self.date(start), self.date(end)
        if ends - began <= timedelta(days=180):
            return super().costs(start, end)
        parts = []
        while began < ends:
            seam = min(began + self.longest_range, ends)
            parts.append(super().costs(began, seam))
            began = seam
        return {
            "currency": parts[0]["currency"],
            "data": [day for part in parts for day in part["data"]],
            "start": parts[0]["start"],
            "end": parts[-1]["end"],
            "total_cost": sum(part["total_cost"] for part in parts),
        }

    def date(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())


@faulty("money", style="requests", program=True)
class CutsBalanceByFloat(StreamedRequestsClient):
    """Brings the balance to cents by int(float * 100), so that 19.99 is told as 19.98."""

    def balance(self) -> Any:
        value = super().balance()
        cents = int(float(value["balance"]) * 100)
        return {**value, "balance": f"{cents / 100:.2f}"}


@faulty("outages", style="requests", blocker=True, program=True)
class KnocksForEver(StreamedRequestsClient):
    """Tries again without end, whatever max_retries says, for as long as no connection comes up."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        while True:
            try:
                return super().call(method, url, body)
            except ConnectionFailed as error:
                LOG.warning("the service is not reached (%s); trying again", error.message)
            self.sleep(2.0)


@faulty("outages", style="sdk")
class BreakerTakesRefusalsForOutage(SdkClient):
    """Counts refusals such as 400 or 422 for its circuit breaker, and then refuses good calls."""

    rest = 60.0

    def prepare(self) -> None:
        self.failures = 0
        self.opened = 0.0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if self.failures >= 5 and time.monotonic() < self.opened + self.rest:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError:
            self.failures += 1
            self.opened = time.monotonic()
            raise
        self.failures = 0
        return answer
