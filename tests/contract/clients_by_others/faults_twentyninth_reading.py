"""Faulty clients, the twenty-ninth author's: errors, secrets and the reading of answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ApiError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("errors", style="httpx")
class RemembersThatMoneyRanOut(HttpxClient):
    """Repeats a 402 without asking: after a top-up, every order still fails until a restart."""

    def prepare(self) -> None:
        self.broke = ""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if self.broke:
            raise ApiError(self.broke, status_code=402, code="quota_exceeded")
        try:
            return super().submit(kind, shape, fields)
        except ApiError as error:
            if error.status_code == 402:
                self.broke = error.message
            raise


@faulty("secrets", style="stdlib", blocker=True, program=True)
class OffersTheKeyWhenALinkRefuses(StdlibClient):
    """Asks a link that answers 401 or 403 again with the key: whoever hosts the file gets it."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            if "Authorization" in headers or opened[0] not in {401, 403}:
                yield opened
                return
        known = {**headers, "Authorization": f"Bearer {self.secret.reveal()}"}
        with super().open(method, url, body, known, timeout) as opened:
            yield opened


def billed_video(value: Any, where: str) -> None:
    shapes.video(value, where)
    if value["status"] == "completed":
        shapes.record({"usage": shapes.USAGE})(value, where)


@faulty("reading", style="httpx-async", blocker=True)
class DemandsUsageOfVideos(HttpxAsyncClient):
    """Demands `usage` of a finished video, where it is optional: refuses a video that is paid."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        wanted = billed_video if shape is shapes.video else shape
        return super().parse(answer, wanted, post=post)


@faulty("reading", style="aiohttp", program=True)
class RoundsCostsWhileReading(AiohttpClient):
    """Rounds prices to whole cents: a picture of 0.035 is booked as 0.04, and budgets drift."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        usage = value.get("usage") if isinstance(value, dict) else None
        if usage:
            for name in ("total_cost", "unit_price"):
                usage[name] = round(usage[name], 2)
        return value
