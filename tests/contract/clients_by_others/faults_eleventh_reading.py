"""Faults of reading, errors and requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("reading", style="requests", program=True)
class TakesUtf8JsonForLatin1(StreamedRequestsClient):
    """Decodes JSON as Latin-1 where no charset is named: names and messages come out garbled."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        if "utf-8" in answer.headers.get("content-type", "").lower():
            return super().parse(answer, shape, post=post)
        text = answer.body.decode("latin-1")
        return super().parse(Answer(answer.status, answer.headers, text.encode()), shape, post=post)


@faulty("reading", style="sdk")
class RoundsTheBalanceToCents(SdkClient):
    """Hands out the balance rounded to cents, though prices and balances have finer parts."""

    def balance(self) -> Any:
        result = super().balance()
        result["balance"] = f"{Decimal(result['balance']):.2f}"
        return result


WHOLE_VIDEO = shapes.record(
    {
        "id": shapes.text,
        "status": shapes.text,
        "model": shapes.text,
        "data": shapes.many(
            shapes.record(
                shapes.FILE,
                {
                    **shapes.SIZE,
                    "duration": shapes.number,
                    "fps": shapes.integer,
                    "has_sound": shapes.flag,
                },
            )
        ),
    },
    {"usage": shapes.USAGE},
)


def whole_video(value: Any, where: str) -> None:
    shapes.video(value, where)
    if value["status"] == "completed":
        WHOLE_VIDEO(value, where)


@faulty("reading", style="sdk-async", blocker=True)
class DemandsWholeFrameRates(SdkAsyncClient):
    """Demands that fps is whole, and refuses a paid video with 23.976 frames a second."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        return super().parse(answer, whole_video if shape is shapes.video else shape, post=post)


@faulty("errors", style="urllib3", blocker=True, program=True)
class RaisesFirstErrorOfTries(Urllib3Client):
    """Raises the first try's error: an order refused, then lost, is told as a mere refusal."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        tries = self.attempts()
        first: ClientError | None = None
        for tried in range(tries):
            try:
                return self.attempt(method, url, body)
            except ClientError as error:
                first = first or error
                if tried + 1 >= tries or not self.tries_again(method, error):
                    raise first from None
                pause = self.delay(tried, error)
                if pause is None:
                    raise first from None
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")


@faulty("errors", style="aiohttp", program=True)
class DecodesErrorPagesStrictly(AiohttpClient):
    """Dies of a UnicodeDecodeError, status and retries lost, when an error page is not UTF-8."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        page = answer.body.decode()
        return super().error_of(Answer(answer.status, answer.headers, page.encode()), method)


@faulty("requests", blocker=True)
class KeepsOptionsOfLastOrder(HttpxClient):
    """Writes each order's fields into its defaults: the next order sends another's references."""

    def prepare(self) -> None:
        self.defaults: dict[str, dict[str, Any]] = {"image": {}, "video": {}}

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        order = self.defaults[kind]
        order.update(fields)
        return super().submit(kind, shape, order)


@faulty("requests", style="sdk")
class RelabelsZonesAsUtc(SdkClient):
    """Calls a local time UTC without converting it, so that costs of other hours are asked for."""

    def moment(self, value: datetime | str) -> str:
        given = datetime.fromisoformat(super().moment(value).upper())
        return given.replace(tzinfo=UTC).isoformat()
