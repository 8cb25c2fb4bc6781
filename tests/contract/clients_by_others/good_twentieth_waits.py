"""Good clients that wait in ways of their own: each choice is legal."""

import asyncio
import random
import threading
import time
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient


@enlist("httpx-async")
class HttpxAsyncHardDeadline(HttpxAsyncClient):
    """The time for a wait bounds the poll under way as well: it is cut off at the deadline."""

    async def wait(self, id: str) -> Any:
        try:
            async with asyncio.timeout(self.wait_timeout):
                return await super().wait(id)
        except TimeoutError:
            late = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            late.add_note(f"generation: {id}")
            raise late from None


@enlist("sdk")
class SdkLastLook(SdkClient):
    """Looks once more at the deadline, unless the server wants no poll yet, before it gives up."""

    def prepare(self) -> None:
        self.mine = threading.local()

    def heed(self, headers: dict[str, str]) -> None:
        self.mine.until = time.monotonic() + (self.told(headers) or 0.0)

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            answer = super().attempt(method, url, body)
        except ClientError as error:
            self.heed(error.headers)
            raise
        self.heed(answer.headers)
        return answer

    def wait(self, id: str) -> Any:
        self.heed({})
        try:
            return super().wait(id)
        except WaitTimeout as error:
            if time.monotonic() < self.mine.until:
                raise
            late = error
        return self.look(id, late)

    def look(self, id: str, late: WaitTimeout) -> Any:
        self.pace()
        try:
            video, _ = self.poll(id)
            if self.ended(video):
                return video
        except ClientError as error:
            if self.survivable(error, self.wait_timeout):
                raise late from None
            self.name(error, id)
            raise
        raise late


@enlist("requests", program=True)
class RequestsHoldsOrdersAtZero(StreamedRequestsClient):
    """Holds the next order of a kind until the reset when the last one used up the limit."""

    def prepare(self) -> None:
        self.free: dict[str, float] = {}
        self.free_lock = threading.Lock()

    def note(self, url: str, headers: dict[str, str]) -> None:
        if headers.get("x-ratelimit-remaining", "").strip() != "0":
            return
        until = self.reset(headers)
        if until is not None and until <= self.longest_told:
            with self.free_lock:
                self.free[url] = time.monotonic() + until

    def hold(self, url: str) -> None:
        with self.free_lock:
            free = self.free.get(url, 0.0)
        self.sleep(max(free - time.monotonic(), 0))

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return super().attempt(method, url, body)
        self.hold(url)
        answer = super().attempt(method, url, body)
        self.note(url, answer.headers)
        return answer


@enlist("aiohttp", program=True)
class AiohttpStaggersPolls(AiohttpClient):
    """Polls a little later than asked, by chance, so that many workers do not poll in step."""

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1.0, 1.2))

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None
