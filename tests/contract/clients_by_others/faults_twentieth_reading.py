"""Faults of reading, errors and requests."""

import os
from dataclasses import replace
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer, Secret
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient

CODES = {
    400: "invalid_parameter",
    401: "invalid_api_key",
    402: "quota_exceeded",
    404: "not_found",
    422: "content_policy_violation",
    429: "rate_limit",
    500: "server_error",
}


@faulty("requests", blocker=True)
class KeepsFieldsForNextOrder(HttpxClient):
    """Merges each order into its defaults themselves: the next order has the last one's fields."""

    def prepare(self) -> None:
        self.defaults: dict[str, Any] = {}

    def body(self, fields: dict[str, Any]) -> bytes:
        merged = self.defaults
        merged.update(fields)
        return super().body(merged)


@faulty("errors", style="aiohttp", blocker=True, program=True)
class LosesIdAtRefusedPoll(AiohttpClient):
    """Lets the error of a refused poll out as it came: the paid video's id is in none of it."""

    def name(self, error: BaseException, id: str) -> None:
        if not isinstance(error, ApiError):
            super().name(error, id)


@faulty("requests", blocker=True)
class BillsKeyOfEnvironment(HttpxClient):
    """Prefers GETIMG_API_KEY to the key that the caller gives: another workspace pays."""

    def prepare(self) -> None:
        self.secret = Secret(os.environ.get("GETIMG_API_KEY") or self.secret.reveal())


@faulty("reading", blocker=True)
class DropsFurtherFiles(HttpxClient):
    """Hands out the first file of a generation alone, though data may have more, all paid for."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape in {shapes.IMAGE, shapes.video} and "data" in value:
            value["data"] = value["data"][:1]
        return value


@faulty("errors", style="sdk")
class NamesCodeByStatus(SdkClient):
    """Tells the code that usually goes with a status, not the one that stands in the error."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.code = CODES.get(answer.status, error.code)
        return error


@faulty("errors", style="httpx-async")
class CallsUnknownVideosPending(HttpxAsyncClient):
    """Answers that a video is pending when the server says 404: there is no such video."""

    async def retrieve_video(self, id: str) -> Any:
        try:
            return await super().retrieve_video(id)
        except ApiError as error:
            if error.status_code != 404:
                raise
            return {"id": id, "status": "pending"}


@faulty("reading", style="requests", program=True)
class ReadsJsonAsLatinOne(StreamedRequestsClient):
    """Takes JSON whose type names no charset for ISO-8859-1: names and messages are garbled."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = super().exchange(method, url, body, headers)
        if "charset=" in answer.headers.get("content-type", "").lower():
            return answer
        return replace(answer, body=answer.body.decode("iso-8859-1").encode())
