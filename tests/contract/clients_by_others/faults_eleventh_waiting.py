"""Faults of polling, timeouts, cancellation and pacing."""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered


@faulty("polling", blocker=True)
class SleepsRetryAfterPastDeadline(HttpxClient):
    """Sleeps out the Retry-After of a refused poll, however far beyond the wait's deadline."""

    def poll(self, id: str) -> tuple[Any, float]:
        try:
            return super().poll(id)
        except ClientError as error:
            if error.status_code in {429, 503}:
                self.sleep(self.told(error.headers) or 0.0)
                error.headers.pop("retry-after", None)
            raise


@faulty("polling", style="requests", program=True)
class ReturnsPendingWhenTimeIsUp(StreamedRequestsClient):
    """Returns the pending video at the deadline, as if it were the result, and raises nothing."""

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        except WaitTimeout:
            return {"id": id, "status": "pending"}


@faulty("timeouts", blocker=True)
class LeavesTimeoutToHttpx(HttpxClient):
    """Does not pass the timeout on: httpx's own five seconds cut off pictures that take longer."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with self.http.stream(method, url, content=body, headers=headers) as answer:
                self.http.cookies.clear()
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("timeouts", style="aiohttp", blocker=True, program=True)
class CallsLateAnswersUnsent(AiohttpClient):
    """Takes every timeout for one of connecting, and orders again when a picture is late."""

    def limit(self) -> AbstractAsyncContextManager[Any]:
        return contextlib.nullcontext()  # aiohttp's total bounds head and body

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        try:
            async with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except TimeoutError:
            raise ConnectionFailed(f"No connection in {timeout} s.") from None


@faulty("timeouts", style="httpx-async", blocker=True)
class EndsWaitByBareTimeout(HttpxAsyncClient):
    """Ends its waits by asyncio.timeout: a bare TimeoutError, without the id of the paid video."""

    async def generate_video(self, **fields: Any) -> Any:
        job = await self.submit_video(**fields)
        async with asyncio.timeout(self.wait_timeout):
            return await self.wait(job["id"])

    def name(self, error: BaseException, id: str) -> None:
        error.generation_id = id  # type: ignore[attr-defined]
        error.add_note(f"generation: {id}")


@faulty("cancellation", style="sdk-async", blocker=True)
class RetriesCancelledOrders(SdkAsyncClient):
    """Takes a cancelled request for a lost connection, and sends the order once more."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return await super().attempt(method, url, body)
        except asyncio.CancelledError:
            raise ConnectionFailed("The request was interrupted.") from None


@faulty("cancellation", style="httpx-async")
class LeavesPartsOfCancelled(HttpxAsyncClient):
    """Tidies up after an Exception alone: a cancelled download leaves half a file behind."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                await self.fetch(url, part, result)
                part.close()
                return str(self.publish(Path(part.name), path, overwrite))
            except Exception:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise


@faulty("pacing", style="stdlib", program=True)
class ShortensRetryAfterByJitter(StdlibClient):
    """Applies its jitter to Retry-After too, and so comes back before the time that was asked."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        return None if pause is None else pause * random.uniform(0.5, 0.85)


@faulty("pacing")
class DiesOfRetryAfterDates(HttpxClient):
    """Reads Retry-After as a number alone: a date, legal in HTTP, is a ValueError and no retry."""

    def told(self, headers: dict[str, str]) -> float | None:
        said = headers.get("retry-after", "").strip()
        return max(float(int(said)), 0.0) if said else None
