"""Faults of reading, errors, requests and concurrency, each in one place."""

import asyncio
import os
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

import getimg

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("reading", style="aiohttp", program=True)
class FindsModelsBySubstring(AiohttpClient):
    """Looks a model up in the list by a part of its id: seedream-4 is told to be seedream-4-5."""

    async def model(self, id: str) -> Any:
        self.segment(id)
        for model in await self.models():
            if id in model["id"]:
                return model
        raise ApiError(f"There is no model {id!r}.", status_code=404, code="not_found")


@faulty("reading", style="requests", program=True)
class ReadsJsonAsLatin1(StreamedRequestsClient):
    """Decodes each answer as ISO-8859-1, so that letters beyond ASCII come out garbled."""

    def unpack(self, body: bytes) -> Any:
        return super().unpack(body.decode("iso-8859-1").encode())


@faulty("reading", style="sdk-async")
class RoundsUsageToCents(SdkAsyncClient):
    """Rounds what a generation cost to cents: a picture of 0.035 USD is told to cost 0.04."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        usage = value.get("usage") if isinstance(value, dict) else None
        if usage:
            usage["total_cost"] = round(usage["total_cost"], 2)
            usage["unit_price"] = round(usage["unit_price"], 2)
        return value


@faulty("errors", style="stdlib", program=True)
class FormatsServerMessages(StdlibClient):
    """Uses the server's text as a format: braces in it end in a KeyError, and the error is lost."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        text = "{method} was answered {status}: " + error.message
        error.message = text.format(method=method, status=answer.status)
        return error


@faulty("errors")
class QuotesStaleRequestId(HttpxClient):
    """Names, for an answer without a request id, that of an earlier and unrelated request."""

    def prepare(self) -> None:
        self.last_request: str | None = None

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = super().exchange(method, url, body, headers)
        told = answer.headers.get("x-request-id") or answer.headers.get("request-id")
        self.last_request = told or self.last_request
        return answer

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.request_id = error.request_id or self.last_request
        return error


@faulty("requests")
class StampsZOnLocalTime(HttpxClient):
    """Writes a datetime of any zone with a Z and without converting it: costs of other hours."""

    def moment(self, value: datetime | str) -> str:
        text = super().moment(value)
        if isinstance(value, datetime):
            return f"{value:%Y-%m-%dT%H:%M:%S.%f}Z"
        return text


@faulty("requests", style="threads", blocker=True)
class MergesOrdersOfClient(HttpxClient):
    """Merges each order into its defaults in place: the next caller's order has its images, too."""

    def prepare(self) -> None:
        self.defaults: dict[str, Any] = {}

    def body(self, fields: dict[str, Any]) -> bytes:
        self.defaults.update(fields)
        return super().body(self.defaults)


@faulty("requests", style="httpx-async", blocker=True)
class ForcesReferenceRole(HttpxAsyncClient):
    """Gives each image the role reference_image, also the one that is to be the first frame."""

    def body(self, fields: dict[str, Any]) -> bytes:
        images = fields.get("images")
        if images:
            fixed = [{**image, "role": "reference_image"} for image in images]
            fields = {**fields, "images": fixed}
        return super().body(fields)


@faulty("concurrency", style="httpx-async", blocker=True)
class LosesSlotAtErrors(HttpxAsyncClient):
    """Gives back one of its five slots only after a success: after five errors each call hangs."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(5)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        await self.slots.acquire()
        answer = await super().attempt(method, url, body)
        self.slots.release()
        return answer


Place = tuple[str, float, int]
SHARED: WeakValueDictionary[Place, getimg.GetimgAI] = WeakValueDictionary()


@faulty("concurrency", style="sdk", blocker=True)
class SharesSdkAcrossKeys(SdkClient):
    """Shares the SDK's client by address alone: who comes second orders with the first's key."""

    def prepare(self) -> None:
        self.held: getimg.GetimgAI | None = None

    def place(self) -> Place:
        return self.base_url, self.timeout, os.getpid()

    def make_sdk(self) -> getimg.GetimgAI:
        shared = SHARED.get(self.place())
        if shared is None:
            shared = SHARED[self.place()] = super().make_sdk()
        self.held = shared
        return shared

    def close(self) -> None:
        SHARED.pop(self.place(), None)
        super().close()
