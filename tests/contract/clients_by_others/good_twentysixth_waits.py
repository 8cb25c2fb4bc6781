"""Good clients with a habit of their own, all of them legal."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("sdk-async")
class StretchesItsPausesALittle(SdkAsyncClient):
    """Makes each pause between polls 15 percent longer, up to twice the interval."""

    def prepare(self) -> None:
        self.pauses: dict[str, float] = {}

    async def wait(self, id: str) -> Any:
        self.pauses[id] = self.poll_interval
        try:
            return await super().wait(id)
        finally:
            self.pauses.pop(id, None)

    async def poll(self, id: str) -> tuple[Any, float]:
        found, told = await super().poll(id)
        longer = self.pauses.get(id, self.poll_interval) * 1.15
        self.pauses[id] = min(longer, 2 * self.poll_interval)
        return found, max(told, self.pauses[id])


@enlist("requests", program=True)
class OpensASessionForEachRequest(StreamedRequestsClient):
    """Keeps no connection: each request has a session of its own, closed when it is read."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        finally:
            self.session().close()
            self.threads.session = None


@enlist("aiohttp", program=True)
class WritesItsBodiesInPlainUtf8(AiohttpClient):
    """Sends prompts as UTF-8, not as escapes, with sorted keys and the charset named."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        if body is not None:
            sent["Content-Type"] = "application/json; charset=utf-8"
        return sent

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        try:
            return json.dumps(kept, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
        except UnicodeEncodeError:  # a lone surrogate can stand in an escape alone
            return super().body(fields)


@enlist("httpx")
class LogsTheIdOfEachOrder(HttpxClient):
    """Writes each order's id to the log at once, as the API has no list to find it in."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        result = super().submit(kind, shape, fields)
        LOG.info("ordered %s %s: %s", kind, result["id"], result["status"])
        return result
