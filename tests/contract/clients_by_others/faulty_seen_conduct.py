"""Faults of secrets, requests, waits, pace and resources, as they reach production."""

import asyncio
import re
import time
from datetime import datetime
from typing import IO, Any

import aiohttp
import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, DownloadFailed, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sync_transports import HttpxClient

# secrets


@faulty("secrets", blocker=True)
class RetryLogsHeaders(HttpxClient):
    """Logs each retry with the headers of the request, and so with the key."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        LOG.warning("retry %d after %s, headers %s", attempt + 1, error, self.headers(None))
        return super().delay(attempt, error)


@faulty("secrets")
class SignedLinkInError(HttpxClient):
    """Puts the whole link, with its signature, into the message of a failed download."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            super().fetch(url, part, result)
        except DownloadFailed as error:
            raise DownloadFailed(
                f"{error.message} for {url}",
                status_code=error.status_code,
                generation_id=error.generation_id,
            ) from None


@faulty("secrets", style="aiohttp", blocker=True, program=True)
class KeyOnTheSession(AiohttpClient):
    """The session carries the key by default, to whatever host a link leads."""

    def make_session(self) -> aiohttp.ClientSession:
        key = f"Bearer {self.secret.reveal()}"
        jar = aiohttp.DummyCookieJar()
        return aiohttp.ClientSession(cookie_jar=jar, headers={"Authorization": key})


# request formation


@faulty("requests")
class PromptCutAtThousand(HttpxClient):
    """Cuts a prompt after 1000 characters, the limit of an older API, and says nothing."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        cut = {"prompt": prompt[:1000]} if isinstance(prompt, str) else {}
        return super().body({**fields, **cut})


@faulty("requests")
class ZoneReplacedByZ(HttpxClient):
    """Writes `Z` behind the wall clock of any zone: costs of another range are asked for."""

    def moment(self, value: datetime | str) -> str:
        return re.sub(r"[+-]\d\d:\d\d$", "Z", super().moment(value))


@faulty("requests")
class ResolutionTakenFor1K(HttpxClient):
    """Sends `1K` where the caller names no resolution, also to models that have none such."""

    def generate_image(self, **fields: Any) -> Any:
        if fields.get("resolution") is None:
            fields["resolution"] = "1K"
        return super().generate_image(**fields)


# cancellation and timeouts


@faulty("timeouts")
class DeadlineInPolls(HttpxClient):
    """Takes `wait_timeout` for a number of polls: slow answers and failures make it longer."""

    def wait(self, id: str) -> Any:
        began = time.monotonic()
        try:
            for _ in range(max(1, round(self.wait_timeout / self.poll_interval))):
                self.sleep(self.poll_interval)
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    self.sleep(self.told(error.headers) or 0.0)
                    continue
                if self.ended(video):
                    return video
                self.sleep(told)
            raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
        except BaseException as error:
            self.name(error, id)
            raise


@faulty("timeouts", style="httpx-async")
class CancellationSwallowed(HttpxAsyncClient):
    """A cancellation that comes in a pause between polls wakes the client, and it goes on."""

    async def sleep(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except BaseException as error:
            LOG.warning("the pause was cut short by %s", type(error).__name__)


@faulty("timeouts", style="httpx-async", blocker=True)
class IdLostOnCancel(HttpxAsyncClient):
    """Tells the id of a pending video with its own errors only, not when it is cancelled."""

    def name(self, error: BaseException, id: str) -> None:
        if isinstance(error, ClientError):
            super().name(error, id)


# concurrency and pacing


@faulty("pacing")
class RetryAfterReadAsMilliseconds(HttpxClient):
    """Takes `Retry-After` for milliseconds, and is back at once."""

    def told(self, headers: dict[str, str]) -> float | None:
        said = super().told(headers)
        return None if said is None else said / 1000

    def reset(self, headers: dict[str, str]) -> float | None:
        del headers
        return None


@faulty("pacing")
class PollsFiveTimesASecond(HttpxClient):
    """Polls each video five times a second, whatever the interval that was asked for."""

    poll_gap = 0.0

    def prepare(self) -> None:
        self.poll_interval = 0.2


# resources


@faulty("resources")
class PoolPerCall(HttpxClient):
    """Makes a pool for each use and closes none: every request leaves a connection open."""

    def prepare(self) -> None:
        self.pools: list[httpx.Client] = []

    @property
    def http(self) -> httpx.Client:
        self.pools.append(self.make_pool())
        return self.pools[-1]
