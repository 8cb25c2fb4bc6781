"""Clients with a fault in their errors, in keeping the key, or in reading answers."""

from typing import Any

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client

SUMS = ("total_cost", "unit_price", "cost")


class TriesUsedUp(ClientError):
    """All tries have failed."""


@faulty("errors", style="urllib3", program=True)
class HidesTheCauseAfterRetries(Urllib3Client):
    """The error after the last try lacks status and code: callers cannot tell 429 from 500."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        tries = self.attempts()
        for tried in range(tries):
            try:
                return self.attempt(method, url, body)
            except ClientError as error:
                if not self.tries_again(method, error):
                    raise
                pause = self.delay(tried, error)
                if tried + 1 >= tries or pause is None:
                    raise TriesUsedUp(
                        f"Gave up after {tried + 1} tries.", outcome_unknown=error.outcome_unknown
                    ) from error
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")


@faulty("secrets", blocker=True)
class NotesACurlLineOnErrors(HttpxClient):
    """Errors carry a curl line to reproduce them, key included: the key is in every log."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        sent = " ".join(f"-H '{name}: {value}'" for name, value in self.headers(None).items())
        error.add_note(f"For support: curl -i -X {method} {sent} {self.base_url}/v2")
        return error


@faulty("reading", style="aiohttp", program=True)
class RoundsCostsToWholeCents(AiohttpClient):
    """Costs are rounded to cents as they are read: a picture of 0.006 USD is booked as 0.01."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict):
            for part in (value, value.get("usage") or {}, *value.get("data", ())):
                part.update({name: round(part[name], 2) for name in SUMS if name in part})
        return value
