"""Clients with one fault each, in what they make of answers: errors, secrets, values."""

from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

# errors


class InvalidRequest(ApiError):
    """The error's type says that the request is invalid."""


@faulty("errors")
class SortsErrorsByTheirType(HttpxClient):
    """Retries by `error.type`, always `invalid_request_error`: no 429 or 500 is tried again."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if b'"invalid_request_error"' not in answer.body:
            return error
        return InvalidRequest(
            error.message,
            status_code=error.status_code,
            code=error.code,
            request_id=error.request_id,
            outcome_unknown=error.outcome_unknown,
            headers=error.headers,
        )

    def tries_again(self, method: str, error: ClientError) -> bool:
        return not isinstance(error, InvalidRequest) and super().tries_again(method, error)


@faulty("errors", style="sdk", blocker=True)
class TakesAGatewayErrorForNothingDone(SdkClient):
    """Orders again after a gateway's 502 or 504 page: the first may be done, so it pays twice."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        gateway = error.status_code in {502, 504} and error.code is None
        return gateway or super().tries_again(method, error)


@faulty("errors", style="urllib3", program=True)
class WrapsTheLastErrorInARetryError(Urllib3Client):
    """Raises a bare "gave up" after retries: status, code and request id are lost to callers."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            return super().call(method, url, body)
        except ClientError as error:
            if not self.tries_again(method, error):
                raise
            raise ClientError(f"Gave up after {self.attempts()} attempts.") from error


# secrets


@faulty("secrets", blocker=True)
class LogsTheHeadersOfAFailedTry(HttpxClient):
    """Logs the headers of each try that fails, key and all: the key stands in every log store."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            sent = self.headers(body)
            LOG.warning("%s %s failed: %s; sent %s", method, url, error.status_code, sent)
            raise


@faulty("secrets", style="stdlib", blocker=True, program=True)
class FollowsRedirectsWithTheKey(StdlibClient):
    """Follows a read's redirect to any host with the same headers: gives the key to strangers."""

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        answer = super().exchange(method, url, body, headers)
        for _ in range(5):
            moved = answer.status in {301, 302, 303, 307, 308} and "location" in answer.headers
            if method != "GET" or not moved:
                break
            url = urljoin(url, answer.headers["location"])
            answer = super().exchange(method, url, body, headers)
        return answer


# reading of answers


def whole_frames(value: Any, where: str) -> None:
    shapes.video(value, where)
    files = value["data"] if value["status"] == "completed" else []
    for place, item in enumerate(files):
        shapes.or_null(shapes.integer)(item.get("fps"), f"{where}.data[{place}].fps")


@faulty("reading of answers", style="httpx-async", blocker=True)
class WantsAWholeFrameRate(HttpxAsyncClient):
    """Takes `fps` for an integer: a video of 29.97 is refused on each read, paid and lost."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        return super().parse(answer, whole_frames if shape is shapes.video else shape, post=post)


def cents(amount: str) -> str:
    return str(Decimal(amount).quantize(Decimal("0.01")))


@faulty("reading of answers")
class RoundsMoneyToCents(HttpxClient):
    """Rounds balance and prices to cents: 0.035 a picture reads as 0.04, 0.004 as free."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape is shapes.BALANCE:
            value["balance"] = cents(value["balance"])
        listed = {shapes.MODEL: [value], shapes.MODELS: value}.get(shape, [])
        for model in listed:
            for rate in model["pricing"]["rates"]:
                rate["unit_price"] = cents(rate["unit_price"])
        return value
