"""Faults of money, outages and concurrency."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

ZONE = re.compile(r"[+-]\d\d:\d\d$")


@faulty("money", blocker=True)
class ReordersMalformedAnswers(HttpxClient):
    """Takes a 200 that it cannot read for a failed order, and orders, and pays, once more."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except BadAnswer as error:
            if error.generation_id:
                raise
            LOG.warning("the order gave no result, trying again")
        return super().submit(kind, shape, fields)


@faulty("money", style="sdk-async", blocker=True)
class HedgesOrdersAfterTwoSeconds(SdkAsyncClient):
    """Sends an order a second time if no answer came in two seconds: both are done and paid."""

    hedge_after = 2.0

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        if method != "POST":
            return await super().exchange(method, url, body, headers)
        first = asyncio.ensure_future(super().exchange(method, url, body, headers))
        racers = [first]
        try:
            done, _ = await asyncio.wait(racers, timeout=self.hedge_after)
            if not done:
                racers.append(asyncio.ensure_future(super().exchange(method, url, body, headers)))
                done, _ = await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for racer in racers:
                racer.cancel()
            await asyncio.gather(*racers, return_exceptions=True)


@faulty("money", style="requests", program=True)
class StampsZonesAsUtc(StreamedRequestsClient):
    """Writes Z in place of the caller's zone, unconverted, and gives the costs of other hours."""

    def moment(self, value: datetime | str) -> str:
        return ZONE.sub("Z", super().moment(value))


@faulty("outages", style="aiohttp", blocker=True, program=True)
class ClosesSessionInOutage(AiohttpClient):
    """Closes its session when a connection fails, and uses it on: dead after the first outage."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        try:
            async with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        except (ConnectionFailed, ConnectionLost):
            if self.session is not None:
                await self.session.close()
            raise


@faulty("outages", style="urllib3", blocker=True, program=True)
class KnocksForEverWhenRefused(Urllib3Client):
    """Counts refused connections towards no limit: while the service is down no call returns."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        rounds = 0
        while True:
            try:
                return super().call(method, url, body)
            except ConnectionFailed as error:
                rounds += 1
                pause = self.delay(min(rounds, 6), error)
            self.sleep(self.longest_wait if pause is None else pause)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened


@faulty("outages", style="aiohttp", program=True)
class NeverForgivesFailedPolls(AiohttpClient):
    """Counts failed polls without resetting at a good one: the fourth ever ends each paid wait."""

    def prepare(self) -> None:
        self.failed_polls = 0

    def survivable(self, error: ClientError, waited: float) -> bool:
        self.failed_polls += 1
        return self.failed_polls <= 3 and super().survivable(error, waited)


@faulty("concurrency", style="threads")
class LocksWholeWaits(HttpxClient):
    """Is made thread-safe by a lock around each call: all threads wait while one video is made."""

    def prepare(self) -> None:
        self.turn = threading.Lock()

    def generate_image(self, **fields: Any) -> Any:
        with self.turn:
            return super().generate_image(**fields)

    def generate_video(self, **fields: Any) -> Any:
        with self.turn:
            return super().generate_video(**fields)

    def retrieve_video(self, id: str) -> Any:
        with self.turn:
            return super().retrieve_video(id)

    def models(self, type: str | None = None) -> Any:
        with self.turn:
            return super().models(type)

    def balance(self) -> Any:
        with self.turn:
            return super().balance()


@faulty("concurrency", style="sdk-async")
class BlocksLoopWhileDownloading(SdkAsyncClient):
    """Fetches files with a blocking client: a slow file stops all other tasks of the loop."""

    def prepare(self) -> None:
        self.files = HttpxClient(
            base_url=self.base_url,
            key=self.secret.reveal(),
            timeout=self.timeout,
            max_retries=self.max_retries,
        )

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        return self.files.download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )

    async def aclose(self) -> None:
        self.files.close()
        await super().aclose()
