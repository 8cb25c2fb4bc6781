"""Faults of reading answers, of errors and of requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import aiohttp

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_flow import Opened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered

# reading


async def first_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield chunk
        return


@faulty("reading", style="aiohttp", blocker=True, program=True)
class ReadsFirstPieceOnly(AiohttpClient):
    """Takes one read of the stream for the whole answer: a paid one in two pieces is lost."""

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        async with super().open(method, url, body, headers, timeout) as (status, got, chunks):
            whole = "Authorization" not in headers  # files are read to their end
            yield status, got, chunks if whole else first_of(chunks)


@faulty("reading", style="httpx")
class RoundsCostsToCentsToo(HttpxClient):
    """Rounds what was paid to whole cents, so that a picture for 0.035 is told to cost 0.04."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape is shapes.COSTS:
            value["total_cost"] = round(value["total_cost"], 2)
        elif isinstance(value, dict) and isinstance(value.get("usage"), dict):
            value["usage"]["total_cost"] = round(value["usage"]["total_cost"], 2)
        return value


@faulty("reading", style="requests", program=True)
class DecodesAnswersAsLatin1(StreamedRequestsClient):
    """Decodes answers as Latin-1, though JSON is UTF-8: names and messages come out garbled."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = super().exchange(method, url, body, headers)
        text = answer.body.decode("iso-8859-1")
        return replace(answer, body=text.encode())


# errors


async def raise_for_status(answer: aiohttp.ClientResponse) -> None:
    if answer.status < 400:
        return
    headers = lowered(answer.headers)
    posted = answer.method == "POST"
    unknown = posted and answer.status >= 500 and "retry-after" not in headers
    raise ApiError(
        f"{answer.status} {answer.reason}",
        status_code=answer.status,
        request_id=headers.get("x-request-id") or headers.get("request-id"),
        outcome_unknown=unknown or (posted and answer.status == 409),
        headers=headers,
    )


@faulty("errors", style="aiohttp", program=True)
class RaisesForStatusUnread(AiohttpClient):
    """Raises for the status before it reads the body: code and message of each error are lost."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), raise_for_status=raise_for_status
        )


@faulty("errors", style="httpx-async")
class WrapsErrorsInTaskGroup(HttpxAsyncClient):
    """Sends calls within a TaskGroup, so each error comes as an ExceptionGroup without status."""

    async def grumble(self, method: str) -> None:
        await asyncio.sleep(20.0)
        LOG.info("a %s is still under way after 20 s", method)

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        async with asyncio.TaskGroup() as group:
            grumbling = group.create_task(self.grumble(method))
            answer = await super().call(method, url, body)
            grumbling.cancel()
        return answer


# requests


@faulty("requests", style="httpx", blocker=True)
class CarriesFieldsIntoNextOrder(HttpxClient):
    """Merges an order into its defaults: the next one is sent with the last one's references."""

    def prepare(self) -> None:
        self.defaults: dict[str, Any] = {}

    def body(self, fields: dict[str, Any]) -> bytes:
        self.defaults.update(fields)
        return super().body(self.defaults)


@faulty("requests", style="sdk")
class WritesZForAnyZoneToo(SdkClient):
    """Writes the moments of a cost report with a Z and does not convert them: other days come."""

    def moment(self, value: datetime | str) -> str:
        checked = datetime.fromisoformat(super().moment(value))
        return f"{checked.replace(tzinfo=None).isoformat()}Z"
