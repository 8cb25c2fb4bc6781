"""Faults of reading, errors and requests."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from tests.contract.clients_by_others.async_flow import Opened
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, GenerationFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("reading", blocker=True)
class FailsVideosWithNullError(HttpxClient):
    """Takes a video for failed if it has an `error` field, though that is null and it completed."""

    def ended(self, video: Any) -> bool:
        if "error" in video:
            told = video["error"] or {}
            raise GenerationFailed(
                f"Video {video['id']} failed: {told.get('message', 'no reason given')}",
                code=told.get("code"),
                generation_id=video["id"],
            )
        return super().ended(video)


@faulty("reading", style="aiohttp", blocker=True, program=True)
class DecodesEachChunkAlone(AiohttpClient):
    """Decodes each piece of JSON alone: a UTF-8 sign cut in two by the network loses the answer."""

    async def texts(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            yield chunk.decode().encode()

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[Opened]:
        async with super().open(method, url, body, headers, timeout) as (status, got, chunks):
            wants_json = "json" in headers.get("Accept", "") and 200 <= status < 300
            yield status, got, self.texts(chunks) if wants_json else chunks


@faulty("reading", style="sdk")
class DropsUnpricedModels(SdkClient):
    """Leaves models whose list of rates is empty, as is legal, out of the catalogue."""

    def models(self, type: str | None = None) -> Any:
        return [model for model in super().models(type) if model["pricing"]["rates"]]


@faulty("errors")
class FormatsWordsOfServer(HttpxClient):
    """Uses an error's message as a format: one with a % crashes it, status and all lost."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.message = (error.message + " (HTTP %d)") % answer.status
        return error


@faulty("errors", style="requests", blocker=True, program=True)
class PretendsPendingOnErrors(StreamedRequestsClient):
    """Answers a retrieve that failed, be it by 401 or 404, with a pending video, without a word."""

    def retrieve_video(self, id: str) -> Any:
        try:
            return super().retrieve_video(id)
        except ClientError as error:
            LOG.debug("video %s could not be read: %s", id, error.status_code)
            return {"id": id, "status": "pending"}


@faulty("requests", style="stdlib", program=True)
class CountsCharactersForLength(StdlibClient):
    """Gives Content-Length in characters, not bytes: the JSON of a prompt with é is cut."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(kept, ensure_ascii=False, allow_nan=False).encode()

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        if body is not None:
            sent["Content-Length"] = str(len(body.decode()))
        return sent


@faulty("requests", style="requests", program=True)
class CallsEveryZoneUtc(StreamedRequestsClient):
    """Puts Z in place of the zone of a moment without converting it: costs of another period."""

    def moment(self, value: datetime | str) -> str:
        return re.sub(r"([Zz]|[+-]\d\d:\d\d)$", "Z", super().moment(value))


@faulty("requests", blocker=True)
class LeaksFieldsIntoNextOrder(HttpxClient):
    """Merges each order's fields into its defaults: the next one has references nobody gave it."""

    def prepare(self) -> None:
        self.defaults: dict[str, Any] = {}

    def body(self, fields: dict[str, Any]) -> bytes:
        self.defaults.update(fields)
        return super().body(self.defaults)
