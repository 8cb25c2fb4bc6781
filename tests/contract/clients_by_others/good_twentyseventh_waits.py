"""Good clients that wait in unusual ways."""

import time
from collections.abc import Generator
from typing import Any

from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("httpx")
class WaitsByAGenerator(HttpxClient):
    """A generator polls and yields its pauses; the wait sleeps them, up to the deadline."""

    def looks(self, id: str, began: float) -> Generator[float, None, Any]:
        pause = self.poll_interval
        while True:
            yield pause
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
            pause = max(self.poll_interval, told)

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        looks = self.looks(id, began)
        try:
            while True:
                pause = next(looks)
                left = max(began + self.wait_timeout - time.monotonic(), 0)
                self.sleep(min(pause, left))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
        except StopIteration as end:
            return end.value
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("sdk-async")
class StretchesPollsGently(SdkAsyncClient):
    """Each pause is a tenth longer than the last, at most one and a half intervals."""

    longest_stretch = 1.5

    def prepare(self) -> None:
        self.stretches: dict[str, float] = {}

    async def poll(self, id: str) -> tuple[Any, float]:
        video, told = await super().poll(id)
        stretch = self.stretches[id] = min(self.stretches.get(id, 1.0) * 1.1, self.longest_stretch)
        return video, max(told, self.poll_interval * stretch)

    async def wait(self, id: str) -> Any:
        try:
            return await super().wait(id)
        finally:
            self.stretches.pop(id, None)


@enlist("stdlib", program=True)
class PadsWhatTheServerTells(StdlibClient):
    """A retry comes half a second after the moment that the server names, never before it."""

    margin = 0.5

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        said = self.told(error.headers)
        return pause if pause is None or said is None else max(pause, said + self.margin)


@enlist("requests", program=True)
class SleepsInSlices(StreamedRequestsClient):
    """Long pauses are slept in slices of a quarter second, so that signals are met soon."""

    slice = 0.25

    def sleep(self, seconds: float) -> None:
        whole, rest = divmod(seconds, self.slice)
        for _ in range(int(whole)):
            super().sleep(self.slice)
        super().sleep(rest)
