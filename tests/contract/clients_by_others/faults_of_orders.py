"""Clients with faults of money, of requests and of reading answers."""

from datetime import datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import BadAnswer, ClientError, WaitTimeout
from tests.contract.clients_by_others.good_styles import SteadyRequestsClient
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("money", blocker=True)
class RetriesUnreadableAnswers(HttpxClient):
    """Sends a generation again when its answer was no JSON, or lacked a field: paid each time."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        for _ in range(self.attempts() - 1):
            try:
                return super().submit(kind, shape, fields)
            except BadAnswer:
                self.sleep(self.first_wait)
        return super().submit(kind, shape, fields)


@faulty("money", style="requests", blocker=True, program=True)
class AdapterRetriesBrokenPosts(SteadyRequestsClient):
    """An adapter that was meant for reads retries every method: after 5xx and broken reads."""

    def session(self) -> requests.Session:
        session = super().session()
        retry = Retry(
            total=self.max_retries,
            backoff_factor=0.1,
            status_forcelist=(500, 502, 503, 504),
            allowed_methods=None,
            raise_on_status=False,
        )
        session.mount("https://", HTTPAdapter(max_retries=retry))
        session.mount("http://", HTTPAdapter(max_retries=retry))
        return session


@faulty("money", blocker=True)
class BuysAgainAfterTheWait(HttpxClient):
    """When the wait for a video is over, orders the same once more, and waits for that one."""

    def generate_video(self, **fields: Any) -> Any:
        try:
            return super().generate_video(**fields)
        except WaitTimeout:
            return super().generate_video(**fields)


@faulty("requests", style="httpx-async")
class CutsLongPrompts(HttpxAsyncClient):
    """Cuts a prompt at a thousand characters, the limit of an older API, and says nothing."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = dict(fields)
        if isinstance(kept.get("prompt"), str):
            kept["prompt"] = kept["prompt"][:1000]
        return super().body(kept)


@faulty("requests")
class StampsEveryZoneAsUtc(HttpxClient):
    """Writes a Z after the local time of `start` and `end`: the costs are of other hours."""

    def moment(self, value: datetime | str) -> str:
        return f"{super().moment(value)[:19]}Z"


@faulty("reading")
class BalanceInWholeCents(HttpxClient):
    """Reads the balance as a float and rounds it to cents, so cheap pictures seem free."""

    def balance(self) -> Any:
        value = super().balance()
        value["balance"] = f"{float(value['balance']):.2f}"
        return value


@faulty("reading", style="httpx-async")
class DemandsOptionalFields(HttpxAsyncClient):
    """Fails on a completed video without `usage` or with null for its width: both are allowed."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and value.get("status") == "completed":
            float(value["usage"]["total_cost"])
            for item in value["data"]:
                item["aspect"] = item["width"] / item["height"]
        return value


@faulty("reading")
class KeepsTheFirstFileAlone(HttpxClient):
    """Drops all files of a generation but the first, though `data` may hold more."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and isinstance(value.get("data"), list) and "id" in value:
            value["data"] = value["data"][:1]
        return value


@faulty("errors")
class RetriesHideTheReason(HttpxClient):
    """After the last retry it says that there were retries: no status, no code, no outcome."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            return super().call(method, url, body)
        except ClientError as error:
            if not self.tries_again(method, error):
                raise
        raise ClientError("The maximum number of retries was reached.")


@faulty("errors", style="httpx-async")
class AnEmptyPurseIsAWrongKey(HttpxAsyncClient):
    """Tells the user of a 402 that the key is wrong, as of a 401."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if answer.status in {401, 402, 403}:
            error.message = "Authentication failed: please check your API key."
            error.code = "invalid_api_key"
        return error


@faulty("errors", blocker=True)
class PromisesThatNothingWasDone(HttpxClient):
    """Says of every order without an answer that it failed and is free: the user orders again."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            if error.outcome_unknown:
                error.outcome_unknown = False
                error.message = "The generation failed, nothing was charged. Please try again."
            raise
