"""Faults of timeouts, cancellation and pacing."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import getimg
import httpx

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("timeouts", blocker=True)
class SendsWithoutTimeout(HttpxClient):
    """Bounds all but sending: a server that stops reading a large reference holds it for ever."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        limits: Any = httpx.Timeout(timeout, write=None)  # uploads may take their time
        with super().open(method, url, body, headers, limits) as opened:
            yield opened


LATE = WaitTimeout("The video is still pending.")


@faulty("timeouts")
class RaisesOneErrorForAllWaits(HttpxClient):
    """Raises one and the same object for all waits that run out: each names the last one's id."""

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        except WaitTimeout:
            LATE.generation_id = id
            raise LATE from None


@faulty("cancellation", style="httpx-async", blocker=True)
class CancelsCallerAfterErrors(HttpxAsyncClient):
    """Guards requests by an alarm that cancels the caller, and leaves it set if one is refused."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        caller = asyncio.current_task()
        assert caller is not None
        late = asyncio.get_running_loop().call_later(self.timeout + 0.5, caller.cancel)
        answer = await super().attempt(method, url, body)
        late.cancel()
        return answer


@faulty("cancellation", style="sdk-async")
class DeletesCancelledVideos(SdkAsyncClient):
    """Sends a DELETE, which the API lacks, for a cancelled wait's video, and says it is stopped."""

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        except asyncio.CancelledError:
            with contextlib.suppress(getimg.APIError):
                await self.make_sdk().delete(self.video_url(id), cast_to=httpx.Response)
            LOG.warning("video %s is cancelled and will not be charged", id)
            raise


@faulty("pacing", blocker=True)
class HalvesPlacesToNone(HttpxClient):
    """Halves its places for orders at each 429, down to none: then all orders wait for ever."""

    most = 4

    def prepare(self) -> None:
        self.room = threading.Condition()
        self.places, self.taken = self.most, 0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST":
            return super().attempt(method, url, body)
        with self.room:
            self.room.wait_for(lambda: self.taken < self.places)
            self.taken += 1
        try:
            answer = super().attempt(method, url, body)
            self.allow(min(self.places + 1, self.most))
        except ApiError as error:
            if error.status_code == 429:
                self.allow(self.places // 2)
            raise
        finally:
            with self.room:
                self.taken -= 1
                self.room.notify_all()
        return answer

    def allow(self, places: int) -> None:
        with self.room:
            self.places = places
            self.room.notify_all()


@faulty("pacing", style="stdlib", program=True)
class SharesPollsWithEndedVideos(StdlibClient):
    """Shares its polls among all videos it ever saw: the tenth is polled ten times as seldom."""

    def prepare(self) -> None:
        self.jobs: set[str] = set()
        self.asked = self.poll_interval

    def wait(self, id: str) -> Any:
        with self.lock:
            self.jobs.add(id)
            self.poll_interval = self.asked * len(self.jobs)
        return super().wait(id)
