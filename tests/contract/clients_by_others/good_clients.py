"""Good clients: they differ in taste, and each difference is legal."""

import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    AnyioClient,
    HttpxAsyncClient,
    TrioClient,
)
from tests.contract.clients_by_others.errors import BadAnswer, ClientError, ConnectionFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.rules import MEBIBYTE
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    RequestsClient,
    Urllib3Client,
)


@enlist("httpx")
class HttpxPlain(HttpxClient):
    """httpx, blocking: three retries, no redirects, the base as it is."""


@enlist("httpx")
class HttpxNoPostRetries(HttpxClient):
    """Sends no POST twice, whatever the answer; reads are retried."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        return method == "GET" and super().tries_again(method, error)


@enlist("httpx")
class HttpxDecimals(HttpxClient):
    """Reads numbers with a point as Decimal, polls at once and asks for no more than two tries."""

    decimals = True
    polls_at_once = True

    def attempts(self) -> int:
        return min(self.max_retries, 1) + 1


@enlist("httpx")
class HttpxGzip(HttpxClient):
    """Asks for gzip and unpacks it piece by piece, within a bound."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Accept-Encoding": "gzip"}

    def chunks(self, answer: httpx.Response) -> Iterator[bytes]:
        coding = answer.headers.get("content-encoding", "identity").strip().lower()
        if coding in {"", "identity"}:
            yield from answer.iter_raw()
            return
        if coding not in {"gzip", "x-gzip"}:
            raise BadAnswer(f"The answer is coded as {coding}, which was not asked for.")
        unpacker = zlib.decompressobj(wbits=31)
        for raw in answer.iter_raw():
            rest = raw
            while rest:
                yield unpacker.decompress(rest, MEBIBYTE)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()


class Record(dict[str, Any]):
    """An object of the API whose fields are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def recorded(value: Any) -> Any:
    if isinstance(value, dict):
        return Record({name: recorded(item) for name, item in value.items()})
    return [recorded(item) for item in value] if isinstance(value, list) else value


@enlist("httpx")
class HttpxTyped(HttpxClient):
    """Returns objects with attributes, and keeps fields that it does not know."""

    def unpack(self, body: bytes) -> Any:
        return recorded(super().unpack(body))


@enlist("httpx-async")
class HttpxAsync(HttpxAsyncClient):
    """httpx in asyncio: three retries, a deadline of asyncio for each request."""


@enlist("httpx-async")
class HttpxAsyncPatient(HttpxAsyncClient):
    """Retries reads more often than asked for nothing, and waits longer between tries."""

    first_wait = 2.0
    longest_wait = 60.0

    def tries_again(self, method: str, error: ClientError) -> bool:
        if method == "POST":
            return isinstance(error, ConnectionFailed) or error.status_code == 429
        return super().tries_again(method, error)


@enlist("threads")
class Threads(HttpxClient):
    """Each call runs in a thread of its own, and waits on an event that `stop` sets."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 3,
        wait_timeout: float = 900.0,
        poll_interval: float = 5.0,
    ) -> None:
        super().__init__(
            base_url=base_url,
            key=key,
            timeout=timeout,
            max_retries=max_retries,
            wait_timeout=wait_timeout,
            poll_interval=poll_interval,
        )
        self.stopped = threading.Event()

    def stop(self) -> None:
        self.stopped.set()

    def sleep(self, seconds: float) -> None:
        if self.stopped.wait(seconds):
            raise ClientError("The client was stopped.")

    def aside(self, work: Callable[[], Any]) -> Any:
        out: list[Any] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                out.append(work())
            except BaseException as error:
                failed.append(error)

        worker = threading.Thread(target=run, daemon=True)
        worker.start()
        worker.join()
        if failed:
            raise failed[0]
        return out[0]

    def submit_video(self, **fields: Any) -> Any:
        return self.aside(lambda: super(Threads, self).submit_video(**fields))

    def generate_image(self, **fields: Any) -> Any:
        return self.aside(lambda: super(Threads, self).generate_image(**fields))


@enlist("anyio")
class Anyio(AnyioClient):
    """httpx with anyio's sleep and deadlines, under asyncio."""


@enlist("anyio")
class AnyioNoRetries(AnyioClient):
    """Never retries: the caller has a queue of its own for that."""

    lacking = ("retries",)

    def attempts(self) -> int:
        return 1


@enlist("sdk")
class Sdk(SdkClient):
    """The official SDK without its retries, and rules of its own around it."""


@enlist("sdk-async")
class SdkAsync(SdkAsyncClient):
    """The asynchronous SDK without its retries, and rules of its own around it."""


@enlist("requests", program=True)
class Requests(RequestsClient):
    """requests, one session a thread, streamed answers."""


@enlist("urllib3", program=True)
class Urllib3(Urllib3Client):
    """urllib3 with its own retries off."""


@enlist("aiohttp", program=True)
class Aiohttp(AiohttpClient):
    """aiohttp with a session that keeps no cookies."""


@enlist("trio", program=True)
class Trio(TrioClient):
    """httpx under trio."""


@enlist("node-fetch", program=True, command="node {here}/node_client.mjs good")
def node_fetch() -> None:
    """Node's fetch, without libraries."""


@enlist("axios", program=True, command="node {here}/node_client.mjs good axios")
def node_axios() -> None:
    """axios, which NODE_PATH has to lead to; it answers as Node's fetch does."""


@enlist(
    "java",
    program=True,
    command="java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC {here}/JavaClient.java",
)
def java_http() -> None:
    """java.net.http of Java 17, without libraries."""
