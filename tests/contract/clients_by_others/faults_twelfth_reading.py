"""Faults of reading, errors, requests and pacing."""

import os
import random
from datetime import datetime
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ApiError, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer, Secret
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

GENERATIONS = (shapes.IMAGE, shapes.video)


@faulty("reading", blocker=True)
class HandsOutFirstFileOnly(HttpxClient):
    """Hands out the first file alone of a generation that made, and charged for, several."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape in GENERATIONS and "data" in value:
            value["data"] = value["data"][:1]
        return value


@faulty("reading", style="sdk")
class RoundsUsageToWholeCents(SdkClient):
    """Rounds the cost and the price in usage to whole cents: 0.035 is told as 0.04."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        usage = value.get("usage") if shape in GENERATIONS else None
        if usage:
            for name in ("total_cost", "unit_price"):
                usage[name] = round(usage[name], 2)
        return value


@faulty("reading", style="requests", program=True)
class DecodesUnlabelledJsonAsLatin1(StreamedRequestsClient):
    """Decodes an answer whose type names no charset as ISO-8859-1, though JSON is UTF-8."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = super().exchange(method, url, body, headers)
        if "charset" in answer.headers.get("content-type", "").lower():
            return answer
        text = answer.body.decode("iso-8859-1")
        return Answer(answer.status, answer.headers, text.encode())


class RetriesExhausted(ClientError):
    """All tries failed."""


@faulty("errors", style="urllib3", program=True)
class HidesCauseOfLastTry(Urllib3Client):
    """Says that its tries are used up, without status, code or request id of what failed them."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            return super().call(method, url, body)
        except ApiError as error:
            if not self.tries_again(method, error):
                raise
            raise RetriesExhausted(
                "Max retries exceeded.", outcome_unknown=error.outcome_unknown
            ) from None


class StatusError(ApiError):
    """The API refused; made from the status and the message, and so not copied by pickle."""

    def __init__(self, status: int | None, message: str, **facts: Any) -> None:
        super().__init__(message, status_code=status, **facts)


@faulty("errors")
class RaisesErrorsThatDoNotUnpickle(HttpxClient):
    """Raises errors of the API that cannot be unpickled: in a process pool they break the pool."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        return StatusError(
            error.status_code,
            error.message,
            code=error.code,
            request_id=error.request_id,
            outcome_unknown=error.outcome_unknown,
            headers=error.headers,
        )


@faulty("requests", style="sdk")
class LabelsOtherZonesUtc(SdkClient):
    """Writes a Z behind a datetime of any zone without converting it: costs of other hours."""

    def moment(self, value: datetime | str) -> str:
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return super().moment(value)


@faulty("requests", blocker=True)
class PrefersKeyOfEnvironment(HttpxClient):
    """Uses the key in GETIMG_API_KEY though it was given another: a wrong workspace pays."""

    def prepare(self) -> None:
        found = os.environ.get("GETIMG_API_KEY", "").strip()
        if found:
            self.secret = Secret(found)


@faulty("pacing", style="aiohttp", program=True)
class TakesJitterOffRetryAfter(AiohttpClient):
    """Scatters the time that Retry-After asks for downwards too, and so comes back too early."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        said = self.told(error.headers)
        if pause is None or not said:
            return pause
        return said * random.uniform(0.4, 0.8)


@faulty("pacing", style="aiohttp", program=True)
class HoldsResultsTillReset(AiohttpClient):
    """Sleeps until X-RateLimit-Reset after the last free order before it hands out its result."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        answer = await super().attempt(method, url, body)
        if method == "POST" and answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            await self.sleep(min(self.reset(answer.headers) or 0.0, 60.0))
        return answer
