"""Faults of reading, errors and requests: bills, pieces, gateways' pages and refused fields."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ClientError,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

LONGEST_RANGE = timedelta(days=180)


@faulty("reading", blocker=True)
class ChecksBillByFloatEquality(HttpxClient):
    """Refuses paid results whose total_cost is not unit_price * quantity to the last float bit."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        usage = value.get("usage") if isinstance(value, dict) else None
        if usage and usage["total_cost"] != usage["unit_price"] * usage["quantity"]:
            raise BadAnswer(
                f"The bill is wrong: {usage['total_cost']} for {usage['quantity']} units.",
                status_code=answer.status,
                generation_id=value["id"],
                outcome_unknown=post,
            )
        return value


@faulty("reading", style="aiohttp", blocker=True, program=True)
class BoundsBodyByOneRead(AiohttpClient):
    """Reads an answer by one read(65536), which gives what has come: one in pieces is cut off."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            async with (
                self.limit(),
                self.open(method, url, body, headers, self.timeout) as (status, got, chunks),
            ):
                return Answer(status, got, await anext(chunks, b""))
        except TimeoutError:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.") from None


@faulty("reading", style="requests", program=True)
class CountsBoundaryDaysTwice(StreamedRequestsClient):
    """Asks for long costs in ranges that share a day, as both ends count, and bills it twice."""

    def costs(self, start: datetime | str, end: datetime | str) -> Any:
        first, last = self.read_moment(start), self.read_moment(end)
        if last - first <= LONGEST_RANGE:
            return super().costs(start, end)
        parts = []
        while first < last:
            until = min(first + LONGEST_RANGE, last)
            parts.append(super().costs(first, until))
            first = until
        days = [day for part in parts for day in part["data"]]
        total = sum(part["total_cost"] for part in parts)
        return {**parts[0], "data": days, "end": parts[-1]["end"], "total_cost": total}

    def read_moment(self, value: datetime | str) -> datetime:
        return datetime.fromisoformat(self.moment(value).upper())


@faulty("errors", style="httpx-async")
class WrapsErrorsInExceptionGroup(HttpxAsyncClient):
    """Draws beside a heartbeat in a TaskGroup: errors become ExceptionGroups without facts."""

    async def beat(self) -> None:
        while True:
            await self.sleep(10.0)
            LOG.info("still waiting for the picture")

    async def generate_image(self, **fields: Any) -> Any:
        async with asyncio.TaskGroup() as group:
            beat = group.create_task(self.beat())
            making = group.create_task(super().generate_image(**fields))
            making.add_done_callback(lambda _: beat.cancel())
        return making.result()


@faulty("errors", style="urllib3", program=True)
class DecodesErrorPagesStrictlyAgain(Urllib3Client):
    """Dies of a UnicodeDecodeError, status lost, when a gateway's error page is not UTF-8."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        words = answer.body.decode("utf-8").lower()
        if "maintenance" in words:
            LOG.warning("the service is being maintained")
        return super().error_of(answer, method)


@faulty("requests", style="sdk", blocker=True)
class RemembersFieldsOfFormerOrders(SdkClient):
    """Merges each order into its shared defaults: the next has the former's references, too."""

    def prepare(self) -> None:
        self.defaults: dict[str, Any] = {}

    def body(self, fields: dict[str, Any]) -> bytes:
        asked = self.defaults
        asked.update({name: value for name, value in fields.items() if value is not None})
        return super().body(asked)


@faulty("requests", blocker=True)
class OrdersWithoutRefusedField(HttpxClient):
    """Orders, and pays, anew without the field that a 400 names: not what the caller asked for."""

    needed = frozenset({"model", "prompt", "images"})

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if error.code == "invalid_parameter":
            told = json.loads(answer.body).get("error")
            param = told.get("param") if isinstance(told, dict) else None
            error.refused = param  # type: ignore[attr-defined]
        return error

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except ApiError as error:
            field = getattr(error, "refused", None)
            if not isinstance(field, str) or field in self.needed or field not in fields:
                raise
        LOG.info("%s is not supported: ordering without it", field)
        kept = {name: value for name, value in fields.items() if name != field}
        return super().submit(kind, shape, kept)
