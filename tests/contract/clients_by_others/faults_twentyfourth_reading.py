"""Clients with one fault each: errors, secrets, reading of answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import BadAnswer, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient

REDIRECTS = frozenset({301, 302, 303, 307, 308})

# errors


@faulty("errors", style="requests", blocker=True, program=True)
class OrdersAgainWhenTheReceiptIsGarbled(StreamedRequestsClient):
    """Retries on what it cannot parse: an order whose 2xx came garbled is made and paid again."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        last = self.attempts() - 1
        for tried in range(last):
            try:
                return super().submit(kind, shape, fields)
            except BadAnswer as error:
                self.sleep(self.delay(tried, error) or self.first_wait)
        return super().submit(kind, shape, fields)


@faulty("errors", style="sdk")
class ParsesEveryErrorAsJson(SdkClient):
    """Trusts errors to be JSON: a proxy's 502 page is a JSONDecodeError that nobody retries."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        told = json.loads(answer.body)["error"]
        error.code = told["code"]
        return error


@faulty("errors", style="httpx")
class TakesAnEmptyPurseForARateLimit(HttpxClient):
    """Retries 402 quota_exceeded like a 429: four refused orders and a late error each time."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        return error.code in {"rate_limit", "quota_exceeded"} or super().tries_again(method, error)


# secrets


@faulty("secrets", style="stdlib", blocker=True, program=True)
class CarriesItsKeyOverRedirects(StdlibClient):
    """Follows redirects of reads with all its headers, as urllib does: other hosts get the key."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        follows = 5 if method == "GET" and "Authorization" in headers else 0
        while True:
            with super().open(method, url, body, headers, timeout) as opened:
                to = opened[1].get("location") if opened[0] in REDIRECTS else None
                if not to or not follows:
                    yield opened
                    return
            url, follows = urljoin(url, to), follows - 1


@faulty("secrets", style="httpx", blocker=True)
class LogsTheRequestThatItRepeats(HttpxClient):
    """Logs a request before its retry with all headers: the key stands in the log as a warning."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            if self.tries_again(method, error):
                sent = self.headers(body)
                LOG.warning("%s %s failed (%s), headers were %s", method, url, error, sent)
            raise


# reading of answers


def video_with_usage(value: Any, where: str) -> None:
    shapes.video(value, where)
    if value["status"] == "completed":
        shapes.USAGE(value.get("usage"), f"{where}.usage")


@faulty("reading of answers", style="sdk-async", blocker=True)
class DemandsUsageOfEveryVideo(SdkAsyncClient):
    """Reads videos by the rule of images: a paid one without the optional usage is thrown away."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        wanted = video_with_usage if shape is shapes.video else shape
        return super().parse(answer, wanted, post=post)


@faulty("reading of answers", style="httpx-async")
class RoundsTheBalanceToCentsAnew(HttpxAsyncClient):
    """Gives the balance with two decimals: 0.0375 left is shown as 0.04, and an order fails."""

    async def balance(self) -> Any:
        found = await super().balance()
        return {**found, "balance": f"{Decimal(found['balance']):.2f}"}
