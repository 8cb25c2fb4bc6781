"""Faulty clients of a twenty-ninth author: money, outages and concurrency."""

import time
from datetime import UTC, datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("money", style="requests", blocker=True, program=True)
class RepeatsOrdersOnStaleConnections(StreamedRequestsClient):
    """Mounts a retry of reads for all methods: an order whose answer is lost is paid twice."""

    def session(self) -> requests.Session:
        fresh = getattr(self.threads, "session", None) is None
        session = super().session()
        if fresh:
            again = Retry(
                connect=0,
                read=1,
                status=0,
                other=0,
                allowed_methods=None,
                respect_retry_after_header=False,
            )
            session.mount("https://", HTTPAdapter(max_retries=again))
            session.mount("http://", HTTPAdapter(max_retries=again))
        return session


@faulty("money")
class CallsLocalTimeUtcInCosts(HttpxClient):
    """Replaces the zone of a cost range by UTC without converting: the costs of other hours."""

    def moment(self, value: datetime | str) -> str:
        checked = super().moment(value)
        return datetime.fromisoformat(checked.upper()).replace(tzinfo=UTC).isoformat()


@faulty("outages", style="httpx-async", blocker=True)
class RepeatsPollsUntilTheServerIsBack(HttpxAsyncClient):
    """Repeats a failed poll until it succeeds, whatever the deadline: hangs while it is down."""

    async def poll(self, id: str) -> tuple[Any, float]:
        tried = 0
        while True:
            try:
                return await super().poll(id)
            except ClientError as error:
                lost = isinstance(error, (ConnectionFailed, ConnectionLost))
                if not lost and (error.status_code or 0) < 500:
                    raise
                pause = self.delay(tried, error)
                if pause is None:
                    raise
            tried = min(tried + 1, 8)
            await self.sleep(max(pause, self.poll_interval))


@faulty("outages", style="sdk-async")
class CountsRefusedPromptsAsOutage(SdkAsyncClient):
    """Opens its circuit breaker on 400 and 422, too: three bad prompts stop everybody's orders."""

    strikes = 3
    cooling = 60.0

    def prepare(self) -> None:
        self.failures = 0
        self.closed_until = 0.0

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if time.monotonic() < self.closed_until:
            raise ConnectionFailed("The API is down: nothing was sent.")
        try:
            result = await super().submit(kind, shape, fields)
        except ClientError:
            self.failures += 1
            if self.failures >= self.strikes:
                self.failures = 0
                self.closed_until = time.monotonic() + self.cooling
            raise
        self.failures = 0
        return result


@faulty("concurrency", blocker=True)
class ReadsAllAnswersIntoOneBuffer(HttpxClient):
    """Threads share the buffer for answers: two orders at once spoil the answer of a paid one."""

    def prepare(self) -> None:
        self.buffer = bytearray()

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        self.buffer.clear()
        until = time.monotonic() + self.timeout
        with self.open(method, url, body, headers, self.timeout) as (status, got, chunks):
            for chunk in chunks:
                self.buffer += chunk
                if time.monotonic() > until:
                    raise ConnectionLost(f"No whole answer in {self.timeout} s.")
                if len(self.buffer) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
        return Answer(status, got, bytes(self.buffer))
