"""Good clients in yet other styles: each makes a choice of its own, and each choice is legal."""

import json
import os
import random
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import IO, Any

import aiohttp
import trio
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, TrioClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
)


@enlist("httpx")
class HttpxCanonicalBodies(HttpxClient):
    """Sends JSON without spaces, keys in order, and text as UTF-8 rather than escapes."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(
            kept, allow_nan=False, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()


@enlist("urllib3", program=True)
class Urllib3LinearWaits(Urllib3Client):
    """urllib3; each wait between tries is a second longer, or as long as the server says."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def delay(self, attempt: int, error: ClientError) -> float | None:
        told = super().delay(attempt, error)
        if told is None:
            return None
        return max(told, min(attempt + random.uniform(0.5, 1.5), self.longest_wait))


@enlist("aiohttp", program=True)
class AiohttpSessionEachRequest(AiohttpClient):
    """aiohttp with a session for each request, closed with it, so that no `close` is needed."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(force_close=True),
            auto_decompress=False,
        )

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        bound = aiohttp.ClientTimeout(total=timeout)
        sent: dict[str, Any] = {"data": body, "headers": headers, "timeout": bound}
        try:
            async with (
                self.make_session() as session,
                session.request(
                    method, URL(url, encoded=True), allow_redirects=False, **sent
                ) as answer,
            ):
                got = lowered(answer.headers)
                self.plain(got)
                yield answer.status, got, answer.content.iter_chunked(65536)
        except aiohttp.ClientConnectorError as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@enlist("trio", program=True)
class TrioWritesInThreads(TrioClient):
    """httpx under trio; writes files in worker threads, so that a slow disk holds up no task."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        try:
            async with self.limit(), opened as (status, headers, chunks):
                self.judge_file(status, headers, result)
                async for chunk in chunks:
                    await trio.to_thread.run_sync(part.write, chunk)
        except TimeoutError:
            raise ConnectionLost(f"The file did not come in {self.timeout} s.") from None


@enlist("sdk-async")
class SdkAsyncJittersPolls(SdkAsyncClient):
    """Polls up to a twentieth of the interval later, so that clients do not poll in step."""

    async def pace(self) -> None:
        await self.sleep(random.uniform(0.0, self.poll_interval / 20))
        await super().pace()


@enlist("requests", program=True)
class RequestsLogsOrders(StreamedRequestsClient):
    """Writes the id of each order, and what it cost if that is told, to the log, but no link."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        result = super().submit(kind, shape, fields)
        cost = (result.get("usage") or {}).get("total_cost", "not yet told")
        LOG.info("%s %r was ordered, cost: %s", kind, result["id"], cost)
        return result


@enlist("threads")
class ThreadsOfAPool(HttpxClient):
    """Sends its orders from a pool of four threads, which `close` ends."""

    def prepare(self) -> None:
        self.workers: ThreadPoolExecutor | None = None
        self.home = 0

    def pool_of_threads(self) -> ThreadPoolExecutor:
        """Return this process's pool: the threads of a parent are not in its child."""
        with self.lock:
            if self.workers is None or self.home != os.getpid():
                self.workers = ThreadPoolExecutor(4, thread_name_prefix="getimg-order")
                self.home = os.getpid()
            return self.workers

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        order = super().submit
        return self.pool_of_threads().submit(order, kind, shape, fields).result()

    def close(self) -> None:
        if self.workers is not None and self.home == os.getpid():
            self.workers.shutdown()
        super().close()


@enlist("stdlib", program=True)
class StdlibNamesByModel(StdlibClient):
    """Begins the names of files with the model, made safe, before id and number."""

    def file_name(self, result: Any, index: int) -> str:
        model = re.sub(r"[^A-Za-z0-9_-]", "_", str(result.get("model") or "model"))[:40]
        return f"{model}-{super().file_name(result, index)}"
