"""Faults of waiting: when to look again, how long to go on, what a refusal asks for."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("polling", blocker=True)
class TakesMissingUsageForPending(HttpxClient):
    """Takes a completed video for pending while its optional usage is missing, until time is up."""

    def ended(self, video: Any) -> bool:
        return super().ended(video) and bool(video.get("usage"))


@faulty("polling")
class CountsPollErrorsForever(HttpxClient):
    """Gives a video up after three failed polls in all, however many went well between them."""

    def prepare(self) -> None:
        self.failed: dict[str, int] = {}

    def poll(self, id: str) -> tuple[Any, float]:
        try:
            return super().poll(id)
        except ClientError as error:
            self.failed[id] = self.failed.get(id, 0) + 1
            if self.failed[id] >= 3:
                raise ClientError("Three polls have failed.", generation_id=id) from error
            raise


def look(client: HttpxClient, id: str, began: float) -> tuple[Any, float]:
    """Poll once; return the video if it is complete, and the seconds the server asks for."""
    try:
        video, told = client.poll(id)
    except ClientError as error:
        if not client.survivable(error, time.monotonic() - began):
            raise
        return None, client.told(error.headers) or 0.0
    return (video if client.ended(video) else None), told


def rest(client: HttpxClient, id: str, pause: float, until: float) -> None:
    """Sleep, but not past the moment when the wait is over."""
    left = until - time.monotonic()
    client.sleep(max(min(pause, left), 0))
    if pause >= left:
        raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)


@faulty("polling")
class CatchesUpMissedPolls(HttpxClient):
    """Polls by a timetable and makes up for missed polls at once, in a burst."""

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        until = began + self.wait_timeout
        try:
            for turn in itertools.count(1):
                rest(self, id, max(began + turn * self.poll_interval - time.monotonic(), 0), until)
                video, told = look(self, id, began)
                if video is not None:
                    return video
                rest(self, id, told, until)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("timeouts")
class CountsDeadlineFromFirstWait(HttpxClient):
    """Counts the time for a video from the client's first wait, so later waits end too soon."""

    until: float | None = None

    def wait(self, id: str) -> Any:
        began, pause = time.monotonic(), self.poll_interval
        if self.until is None:
            self.until = began + self.wait_timeout
        try:
            while True:
                rest(self, id, pause, self.until)
                self.pace()
                video, told = look(self, id, began)
                if video is not None:
                    return video
                pause = max(self.poll_interval, told)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("timeouts", blocker=True)
class OrdersUnderDefaultTimeout(HttpxClient):
    """Hands no timeout on with orders: httpx ends them after five seconds; the picture is lost."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        allowed = 5.0 if method == "POST" else timeout
        with super().open(method, url, body, headers, allowed) as opened:
            yield opened


@faulty("pacing")
class TakesResetForDuration(HttpxClient):
    """Takes X-RateLimit-Reset, a moment, for seconds to sleep, and sleeps for decades."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        said = error.headers.get("x-ratelimit-reset", "")
        if error.status_code == 429 and "retry-after" not in error.headers and said.isdecimal():
            return float(said)
        return super().delay(attempt, error)


@faulty("pacing", style="requests", program=True)
class BreaksOnDatedRetryAfter(StreamedRequestsClient):
    """Reads Retry-After by int() alone: a date or a fraction ends the call in a bare ValueError."""

    def told(self, headers: dict[str, str]) -> float | None:
        said = headers.get("retry-after")
        return None if said is None else float(int(said))
