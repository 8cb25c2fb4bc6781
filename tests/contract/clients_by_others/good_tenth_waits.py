"""Good clients that wait in ways of their own: each way is legal."""

import math
import random
import threading
import time
from typing import IO, Any

import trio

from tests.contract.clients_by_others.async_transports import TrioClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("httpx")
class HttpxOneBudgetPerCall(HttpxClient):
    """Begins no further try of a call that would begin later than `timeout` after the first."""

    def prepare(self) -> None:
        self.begun = threading.local()

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        self.begun.at = time.monotonic()
        return super().call(method, url, body)

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        self.begun.at = math.inf
        super().fetch(url, part, result)

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        until = self.begun.at + self.timeout
        return pause if pause is not None and time.monotonic() + pause < until else None


@enlist("sdk-async")
class SdkAsyncSpreadsPolls(SdkAsyncClient):
    """Lets up to a third more than the interval pass between polls, so that waits spread out."""

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1.0, 1.33))


@enlist("requests", program=True)
class RequestsWaitsForWindow(StreamedRequestsClient):
    """Holds the next order until the window's reset, if none remains and that is near."""

    longest_ahead = 20.0

    def prepare(self) -> None:
        self.opens: dict[str, float] = {}

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return super().attempt(method, url, body)
        ahead = self.opens.get(url, 0.0) - time.monotonic()
        if ahead > 0:
            self.sleep(ahead)
        answer = super().attempt(method, url, body)
        self.note(url, answer.headers)
        return answer

    def note(self, url: str, headers: dict[str, str]) -> None:
        until = self.reset(headers)
        spent = headers.get("x-ratelimit-remaining", "").strip() == "0"
        if spent and until is not None and until <= self.longest_ahead:
            self.opens[url] = time.monotonic() + until


@enlist("trio", program=True)
class TrioStrictDeadline(TrioClient):
    """Ends a wait at its deadline even amid a poll, which it then gives up."""

    async def wait(self, id: str) -> Any:
        try:
            with trio.fail_after(max(self.wait_timeout, 0.0)):
                return await super().wait(id)
        except trio.TooSlowError:
            error = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            error.add_note(f"generation: {id}")
            raise error from None
