"""Good clients with waits, or a style of waiting, of their own."""

import random
import time
from collections.abc import Generator
from typing import Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_transports import Urllib3Client


@enlist("httpx-async")
class WidensItsPollsUpToDouble(HttpxAsyncClient):
    """Lets the gap between polls of a video grow by a fifth each time, to twice the interval."""

    def prepare(self) -> None:
        self.gaps: dict[str, float] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        gap = min(self.gaps.get(id, self.poll_interval) * 1.2, self.poll_interval * 2)
        self.gaps[id] = gap
        return video, max(gap, told)

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.gaps.pop(id, None)


@enlist("requests", program=True)
class WatchesItsVideosByAGenerator(StreamedRequestsClient):
    """Has a generator of what it sees, to show progress by; its wait takes what that returns."""

    def watch(self, id: str) -> Generator[Any, None, Any]:
        """Yield the video as often as it is seen pending; return it when it is completed."""
        began, pause = time.monotonic(), self.poll_interval
        while True:
            left = began + self.wait_timeout - time.monotonic()
            self.sleep(max(min(pause, left), 0))
            if pause >= left:
                raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            self.pace()
            try:
                video, told = self.poll(id)
            except ClientError as error:
                if not self.survivable(error, time.monotonic() - began):
                    raise
                told = self.told(error.headers) or 0.0
            else:
                if self.ended(video):
                    return video
                yield video
            pause = max(self.poll_interval, told)

    def wait(self, id: str) -> Any:
        watching = self.watch(id)
        try:
            while True:
                next(watching)
        except StopIteration as end:
            return end.value
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("sdk")
class AsksAtOnceAndComesBackLate(SdkClient):
    """Polls at once after the order; adds up to half a second to every pause before a retry."""

    polls_at_once = True

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        return None if pause is None else pause + random.uniform(0, 0.5)


@enlist("urllib3", program=True)
class ClosesAfterEachAnswer(Urllib3Client):
    """Asks for a connection of its own for each request, so that no wait leaves a stale one."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Connection": "close"}

    def download_headers(self) -> dict[str, str]:
        return {**super().download_headers(), "Connection": "close"}
