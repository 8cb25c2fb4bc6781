"""Good clients: how they wait, write and number their requests is unusual, and legal."""

import asyncio
import json
import threading
import time
import uuid
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.sync_transports import Urllib3Client


@enlist("httpx-async")
class HttpxAsyncEndsLastPoll(HttpxAsyncClient):
    """Ends a poll that is under way when the wait's time is over, instead of waiting for it."""

    grace = 0.25

    async def wait(self, id: str) -> Any:
        try:
            async with asyncio.timeout(self.wait_timeout + self.grace):
                return await super().wait(id)
        except TimeoutError:
            error = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
        self.name(error, id)
        raise error


@enlist("sdk-async")
class SdkAsyncHoldsAtZeroRemaining(SdkAsyncClient):
    """Holds an order back, 20 s at most, until the reset if the last said that none remains."""

    longest_hold = 20.0

    def prepare(self) -> None:
        self.free_at: dict[str, float] = {}

    def note(self, url: str, headers: dict[str, str]) -> None:
        if headers.get("x-ratelimit-remaining", "").strip() == "0":
            self.free_at[url] = time.monotonic() + (self.reset(headers) or 0.0)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return await super().attempt(method, url, body)
        hold = self.free_at.get(url, 0.0) - time.monotonic()
        if hold > 0:
            await self.sleep(min(hold, self.longest_hold, self.timeout))
        answer = await super().attempt(method, url, body)
        self.note(url, answer.headers)
        return answer


@enlist("requests", program=True)
class RequestsUnescapedBodies(StreamedRequestsClient):
    """Sends JSON in raw UTF-8, indented and with sorted keys, and says so in its Content-Type."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        if body is not None:
            sent["Content-Type"] = "application/json; charset=utf-8"
        return sent

    def body(self, fields: dict[str, Any]) -> bytes:
        escaped = super().body(fields)
        try:
            return json.dumps(
                json.loads(escaped), ensure_ascii=False, indent=2, sort_keys=True
            ).encode()
        except UnicodeEncodeError:  # half of a surrogate pair can only be sent escaped
            return escaped


@enlist("urllib3", program=True)
class Urllib3NumbersItsRequests(Urllib3Client):
    """Sends an X-Request-Id of its own with each try, and names it where the server names none."""

    def prepare(self) -> None:
        self.sent = threading.local()

    def headers(self, body: bytes | None) -> dict[str, str]:
        self.sent.id = uuid.uuid4().hex
        return {**super().headers(body), "X-Request-Id": self.sent.id}

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            error.request_id = error.request_id or self.sent.id
            raise
