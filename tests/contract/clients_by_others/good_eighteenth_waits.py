"""Good clients that wait in ways of their own, and each way is legal."""

import random
import time
from typing import Any

import trio

from tests.contract.clients_by_others.async_transports import TrioClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("httpx")
class HttpxScattersPolls(HttpxClient):
    """Adds up to a fifth to each poll interval, so that many clients do not poll in step."""

    def poll(self, id: str) -> tuple[Any, float]:
        video, told = super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1.0, 1.2))


@enlist("sdk-async")
class SdkAsyncCallBudget(SdkAsyncClient):
    """Starts no new try that would begin later than all tries may take together."""

    least_budget = 60.0

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        tries = self.attempts()
        until = time.monotonic() + max(self.timeout * tries, self.least_budget)
        for tried in range(tries):
            try:
                return await self.attempt(method, url, body)
            except ClientError as error:
                if tried + 1 >= tries or not self.tries_again(method, error):
                    raise
                pause = self.delay(tried, error)
                if pause is None or time.monotonic() + pause > until:
                    raise
            await self.sleep(pause)
        raise AssertionError("the last try returns or raises")


@enlist("stdlib", program=True)
class StdlibPollsOnTicks(StdlibClient):
    """Counts the interval from start to start of polls, and skips the ticks of a slow one."""

    def tick(self, started: float, told: float) -> float:
        every = max(self.poll_interval, self.poll_gap)
        ready = time.monotonic() + told
        return started + every * ((ready - started) // every + 1)

    def wait(self, id: str) -> Any:
        began = started = time.monotonic()
        until, told = began + self.wait_timeout, 0.0
        try:
            while True:
                due = self.tick(started, told)
                self.sleep(max(min(due, until) - time.monotonic(), 0.0))
                if due >= until:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                started = time.monotonic()
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                    continue
                if self.ended(video):
                    return video
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("trio", program=True)
class TrioDropsPollAtDeadline(TrioClient):
    """Ends a wait on its deadline even if a poll is under way, and then says what is pending."""

    async def wait(self, id: str) -> Any:
        with trio.move_on_after(max(self.wait_timeout, 0.0)):
            return await super().wait(id)
        error = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
        self.name(error, id)
        raise error
