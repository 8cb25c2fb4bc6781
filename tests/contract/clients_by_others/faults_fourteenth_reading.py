"""Faults of reading, errors and requests."""

import copy
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ApiError, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("reading")
class RemembersModelsOfAnyType(HttpxClient):
    """Keeps the list of models for ten seconds without its type: asked for videos, gives images."""

    fresh_for = 10.0

    def prepare(self) -> None:
        self.listed: Any = None
        self.listed_until = 0.0

    def models(self, type: str | None = None) -> Any:
        if time.monotonic() >= self.listed_until:
            self.listed = super().models(type)
            self.listed_until = time.monotonic() + self.fresh_for
        return copy.deepcopy(self.listed)


@faulty("reading", style="stdlib", blocker=True, program=True)
class CutsAnswersAt64KiB(StdlibClient):
    """Reads 64 KiB of an answer and no more: a longer one of a paid picture is lost with its id."""

    most = 65536

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = super().exchange(method, url, body, headers)
        return replace(answer, body=answer.body[: self.most])


@faulty("errors", style="sdk")
class FormatsTextOfServer(SdkClient):
    """Makes the server's message part of a %-format: a % in it, as in a gateway's CSS, crashes."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        template = f"{method} failed: {error.message} (HTTP %d)"
        error.message = template % answer.status
        return error


class RefusedCall(ApiError):
    """The API refused, with a status that must be given."""

    def __init__(self, message: str, status: int, **facts: Any) -> None:
        super().__init__(message, status_code=status, **facts)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), self.args, {**self.__dict__, "headers": {}})


@faulty("errors")
class RaisesWhatDoesNotUnpickle(HttpxClient):
    """Raises errors that cannot be unpickled or copied: a pool of processes breaks at them."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        return RefusedCall(
            error.message,
            answer.status,
            code=error.code,
            request_id=error.request_id,
            outcome_unknown=error.outcome_unknown,
            headers=error.headers,
        )


@faulty("errors", style="urllib3", program=True)
class HidesStatusBehindMaxRetries(Urllib3Client):
    """Says "Max retries exceeded" after the last try, and neither status nor code nor message."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            return super().call(method, url, body)
        except ApiError as error:
            if self.attempts() == 1 or not self.tries_again(method, error):
                raise
            raise ClientError("Max retries exceeded.") from None


@faulty("requests", style="aiohttp", blocker=True, program=True)
class SendsFramesAsReferences(AiohttpClient):
    """Sends all images with the role reference_image, also the first and last frames of videos."""

    def body(self, fields: dict[str, Any]) -> bytes:
        images = [{**image, "role": "reference_image"} for image in fields.get("images") or ()]
        return super().body({**fields, "images": images} if images else fields)


@faulty("requests", style="requests", program=True)
class NamesEveryZoneUtc(StreamedRequestsClient):
    """Calls the hours of any zone UTC instead of converting them: costs come for other hours."""

    def moment(self, value: datetime | str) -> str:
        when = datetime.fromisoformat(super().moment(value).upper())
        return when.replace(tzinfo=UTC).isoformat()
