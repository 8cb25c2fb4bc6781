"""Clients that read wrongly: errors, secrets, answers."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import requests
import urllib3

from tests.contract.clients_by_others.errors import ClientError, ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered, pieces

SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
CATALOGUE_AGE = 60.0


class Code(StrEnum):
    """The codes of the API's errors."""

    INVALID_API_KEY = "invalid_api_key"
    PARAMETER_MISSING = "parameter_missing"
    INVALID_PARAMETER = "invalid_parameter"
    QUOTA_EXCEEDED = "quota_exceeded"
    CONTENT_POLICY_VIOLATION = "content_policy_violation"
    NOT_FOUND = "not_found"
    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"


@faulty("errors", style="requests", blocker=True, program=True)
class TakesAbortedForUnconnected(StreamedRequestsClient):
    """Takes each ConnectionError for "not sent": an order that is cut off is paid twice."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        session = self.session()
        try:
            ready = session.prepare_request(requests.Request(method, url, headers, data=body))
            ready.url = url
            with session.send(ready, timeout=timeout, stream=True, allow_redirects=False) as answer:
                session.cookies.clear()
                got = lowered(answer.headers)
                self.plain(got)
                yield answer.status_code, got, pieces(answer.raw)
        except (requests.exceptions.ConnectionError, requests.exceptions.InvalidURL) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("errors")
class AdmitsDocumentedCodesOnly(HttpxClient):
    """Codes are an enum: a new one is a ValueError without status, and ends a paid wait."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if error.code is not None:
            error.code = Code(error.code)
        return error


@faulty("secrets", blocker=True)
class MasksHeadersInLowerCase(HttpxClient):
    """Notes a curl line on errors; the mask knows "authorization" alone: the key is shown."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            error.add_note(self.curl(method, url, body))
            raise

    def curl(self, method: str, url: str, body: bytes | None) -> str:
        words = ["curl", "-X", method, url]
        for name, value in self.headers(body).items():
            words += ["-H", f"{name}: {'***' if name in SECRET_HEADERS else value}"]
        return shlex.join(words)


@faulty("reading of answers", style="stdlib", program=True)
class RoundsUsageAtTwoPlaces(StdlibClient):
    """Rounds what a result has cost to cents: a picture of 0.006 USD is booked at 0.01."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        usage = (value.get("usage") if isinstance(value, dict) else None) or {}
        for name in usage.keys() & {"unit_price", "total_cost"}:
            usage[name] = round(usage[name], 2)
        return value


@faulty("reading of answers", style="sdk")
class KeepsOneCatalogueForAllTypes(SdkClient):
    """Keeps the model list for a minute for all types: asked for videos, it gives images."""

    def prepare(self) -> None:
        self.catalogue: tuple[float, Any] | None = None

    def models(self, type: str | None = None) -> Any:
        now = time.monotonic()
        if self.catalogue is None or now - self.catalogue[0] > CATALOGUE_AGE:
            self.catalogue = (now, super().models(type))
        return self.catalogue[1]
