"""Faults of reading, errors, requests and concurrency."""

import asyncio
import io
import json
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import (
    AiohttpClient,
    HttpxAsyncClient,
)
from tests.contract.clients_by_others.errors import (
    ApiError,
    ClientError,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("reading", style="sdk-async", blocker=True)
class MultipliesMissingSizes(SdkAsyncClient):
    """Works out megapixels of a picture, and loses a paid one whose width is null or left out."""

    async def generate_image(self, **fields: Any) -> Any:
        result = await super().generate_image(**fields)
        pixels = sum(item["width"] * item["height"] for item in result["data"])
        LOG.info("image %s has %.1f megapixels", result["id"], pixels / 1e6)
        return result


@faulty("reading", style="aiohttp", program=True)
class CallsUnbilledVideosFree(AiohttpClient):
    """Reports a video whose answer has no usage, as is legal, with a total cost of zero."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape is shapes.video and value["status"] == "completed" and not value.get("usage"):
            value["usage"] = {
                "total_cost": 0.0,
                "billable_unit": "video_second",
                "unit_price": 0.0,
                "quantity": 0,
            }
        return value


@faulty("errors", style="urllib3", program=True)
class CrashesOnBareMessageBody(Urllib3Client):
    """Dies of a KeyError, status and all lost, when an error's JSON is not getimg's envelope."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        try:
            told = json.loads(answer.body)["error"]
        except ValueError:
            return super().error_of(answer, method)
        error = super().error_of(answer, method)
        error.code, message = told["code"], told["message"]
        error.message = message.replace(self.secret.reveal(), "***")
        return error


@faulty("errors", style="sdk", blocker=True)
class CallsLostOrdersUnsent(SdkClient):
    """Says of an order whose answer was lost that it was not placed and can be sent again."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ConnectionLost:
            if method != "POST":
                raise
            raise ApiError("The order was not placed. It can safely be sent again.") from None


@faulty("requests", style="requests", program=True)
class SendsDrainedBodyOnRetry(StreamedRequestsClient):
    """Sends its body from a stream that it does not rewind: the next try after a 429 is empty."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        stream: Any = io.BytesIO(body) if body is not None else None
        return super().call(method, url, stream)


@faulty("requests")
class CutsPromptsAtThousand(HttpxClient):
    """Cuts prompts silently at 1000 characters, though the API takes 4096."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        if isinstance(prompt, str):
            fields = {**fields, "prompt": prompt[:1000]}
        return super().body(fields)


@faulty("concurrency", style="httpx-async", blocker=True)
class NestsSlotsUntilDeadlock(HttpxAsyncClient):
    """Holds one of three slots per video and needs one per request: three videos wait for ever."""

    def prepare(self) -> None:
        self.slots = asyncio.Semaphore(3)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        async with self.slots:
            return await super().attempt(method, url, body)

    async def generate_video(self, **fields: Any) -> Any:
        async with self.slots:
            return await super().generate_video(**fields)


@faulty("concurrency", style="threads", blocker=True)
class KeepsLastIdOnClient(HttpxClient):
    """Keeps the id that it polls on the client: of two waits, one gets the other's video."""

    def prepare(self) -> None:
        self.job = ""

    def wait(self, id: str) -> Any:
        self.job = id
        return super().wait(id)

    def poll(self, id: str) -> tuple[Any, float]:
        return super().poll(self.job or id)
