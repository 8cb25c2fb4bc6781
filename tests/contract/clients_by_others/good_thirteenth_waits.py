"""Good clients: each waits, or tells of its waits, in a way of its own, and each is legal."""

import random
import time
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient


@enlist("httpx-async")
class HttpxAsyncSpreadsPolls(HttpxAsyncClient):
    """Stretches each interval between polls by up to a quarter, so that many waits spread out."""

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1, 1.25))


@enlist("sdk")
class SdkNotesAcceptedVideos(SdkClient):
    """Logs the id of each accepted video before it waits, so that a crash does not lose it."""

    def submit_video(self, **fields: Any) -> Any:
        accepted = super().submit_video(**fields)
        LOG.info("video %r is accepted", accepted["id"])
        return accepted


@enlist("requests", program=True)
class RequestsTellsHowLongItTried(StreamedRequestsClient):
    """Adds a note to the error of a call: for how long it tried before it gave up."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        began = time.monotonic()
        try:
            return super().call(method, url, body)
        except ClientError as error:
            error.add_note(f"tried for {time.monotonic() - began:.1f} s")
            raise


@enlist("aiohttp", program=True)
class AiohttpBoundsWholeCalls(AiohttpClient):
    """Begins no further try later than a minute, or twice the timeout, after the first."""

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        tries, until = self.attempts(), time.monotonic() + max(60.0, 2 * self.timeout)
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
