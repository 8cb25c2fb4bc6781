"""Good clients with an unusual way to wait."""

import threading
import time
from contextlib import nullcontext
from typing import Any

from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient

SLOTS = 3
SLICE = 1.0


@enlist("requests", program=True)
class PausesLongerForOldVideos(StreamedRequestsClient):
    """Pauses grow to twice the interval; one that would pass the deadline is cut, to poll again."""

    def look(self, id: str, waited: float) -> tuple[Any, float]:
        """Return the video if it has ended, and the seconds for which no poll is wanted."""
        try:
            video, told = self.poll(id)
        except ClientError as error:
            if not self.survivable(error, waited):
                raise
            return None, self.told(error.headers) or 0.0
        return (video if self.ended(video) else None), told

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        grown, told = self.poll_interval, 0.0
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                pause = max(min(grown, left), self.poll_interval, told)
                self.sleep(max(min(pause, left), 0))
                if pause > left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                video, told = self.look(id, time.monotonic() - began)
                if video is not None:
                    return video
                grown = min(grown * 1.25, 2 * self.poll_interval)
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("stdlib", program=True)
class SendsThreeOrdersAtOnce(StdlibClient):
    """Sends three orders at a time; a slot is free again after each try, however it ended."""

    def prepare(self) -> None:
        self.slots = threading.BoundedSemaphore(SLOTS)

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        with self.slots if method == "POST" else nullcontext():
            return super().attempt(method, url, body)


@enlist("sdk-async")
class SleepsASecondAtATime(SdkAsyncClient):
    """Polls at once, then sleeps a second at a time, never shorter in sum than it was asked."""

    polls_at_once = True

    async def sleep(self, seconds: float) -> None:
        while seconds > SLICE:
            await super().sleep(SLICE)
            seconds -= SLICE
        await super().sleep(seconds)
