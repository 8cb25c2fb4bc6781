"""Faults of retries and money."""

import itertools
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    GenerationFailed,
)
from tests.contract.clients_by_others.good_clients import HttpxAsync, HttpxPlain
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import PATHS, Answer
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import RequestsClient

MONEY = "retries and money"


@faulty(MONEY, blocker=True)
class RetriesPostsLikeReads(HttpxPlain):
    """Treats POST and GET alike: a lost answer or a 500 sends the order again."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        return super().tries_again("GET", error)


@faulty(MONEY, blocker=True)
class RetriesPostsAfterTimeout(HttpxPlain):
    """Takes a timeout for "not delivered" and sends the order again; resets it leaves alone."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        late = "ReadTimeout" in error.message or "No whole answer" in error.message
        return late or super().tries_again(method, error)


@faulty(MONEY, blocker=True)
class RetriesPostsAfterGatewayErrors(HttpxPlain):
    """Sends the order again after 502 and 504, since "the gateway never reached the backend"."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        return error.status_code in {502, 504} or super().tries_again(method, error)


@faulty(MONEY, blocker=True)
class RetriesConflicts(HttpxPlain):
    """Takes 409 for a lock that will be free soon, and sends the order again."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        return error.status_code == 409 or super().tries_again(method, error)


@faulty(MONEY, blocker=True)
class OrdersAgainWhenUnreadable(HttpxPlain):
    """Orders once more when the answer of a submission is not the expected JSON."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except BadAnswer:
            return super().submit(kind, shape, fields)


@faulty(MONEY, blocker=True)
class OrdersAgainAfterTheOutageOfPolls(HttpxPlain):
    """Orders the video anew when three polls in a row fail, since the job "must be gone"."""

    failures = 0

    def poll(self, id: str) -> tuple[Any, float]:
        try:
            found = super().poll(id)
        except ClientError:
            self.failures += 1
            raise
        self.failures = 0
        return found

    def survivable(self, error: ClientError, waited: float) -> bool:
        return self.failures < 3 and super().survivable(error, waited)

    def generate_video(self, **fields: Any) -> Any:
        try:
            return super().generate_video(**fields)
        except ClientError:
            if self.failures < 3:
                raise
            self.failures = 0
            return super().generate_video(**fields)


@faulty(MONEY, blocker=True)
class OrdersAgainAfterServerError(HttpxPlain):
    """Orders a failed video once more by itself when the failure is a server_error."""

    def generate_video(self, **fields: Any) -> Any:
        try:
            return super().generate_video(**fields)
        except GenerationFailed as error:
            if error.code != "server_error":
                raise
            return super().generate_video(**fields)


@faulty(MONEY, blocker=True)
class NewOrderForAnExpiredLink(HttpxPlain):
    """Keeps the fields of each picture and orders it again when its link has expired."""

    def prepare(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        self.orders[result["id"]] = fields
        return result

    def download(self, *, result: Any, **rest: Any) -> str:
        try:
            return super().download(result=result, **rest)
        except ClientError as error:
            if error.status_code not in {403, 410} or result["id"] not in self.orders:
                raise
            return super().download(result=self.generate_image(**self.orders[result["id"]]), **rest)


@faulty(MONEY)
class RetryAfterInMilliseconds(HttpxPlain):
    """Reads Retry-After as milliseconds, as another vendor has it."""

    def told(self, headers: dict[str, str]) -> float | None:
        said = super().told(headers)
        return None if said is None else said / 1000


@faulty(MONEY)
class BackoffWithoutCap(HttpxPlain):
    """Doubles the wait without end: the twelfth is over half an hour."""

    longest_wait = float("inf")


@faulty(MONEY)
class SameWaitEachTime(HttpxPlain):
    """Waits one second before each try, without growth and jitter."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        return max(super().delay(0, error) or 0.0, 0.0) and max(self.told(error.headers) or 0, 1.0)


@faulty(MONEY)
class IgnoresRetryAfter(HttpxPlain):
    """Never looks at Retry-After: its own backoff decides."""

    def told(self, headers: dict[str, str]) -> float | None:
        return None


@faulty(MONEY)
class RetriesRefusals(HttpxPlain):
    """Tries again after 402 and 422, which no second try changes."""

    def tries_again(self, method: str, error: ClientError) -> bool:
        return error.status_code in {402, 422} or super().tries_again(method, error)


@faulty(MONEY)
class CountsRetriesFromOne(HttpxPlain):
    """Does one try too many: `max_retries=0` still tries twice."""

    def attempts(self) -> int:
        return self.max_retries + 2


@faulty(MONEY)
class DiesOfADateInRetryAfter(HttpxPlain):
    """Converts Retry-After by float(), and dies of a date or a typing error in it."""

    def told(self, headers: dict[str, str]) -> float | None:
        return float(headers["retry-after"]) if "retry-after" in headers else None


@faulty(MONEY, blocker=True)
class SharedIdempotencyKey(HttpxPlain):
    """Sends one idempotency key for the life of the client, and retries POSTs with it."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Idempotency-Key": f"client-{id(self)}"}

    def tries_again(self, method: str, error: ClientError) -> bool:
        return super().tries_again("GET", error)


@faulty(MONEY, blocker=True)
class FreshIdempotencyKeyPerTry(HttpxPlain):
    """Makes a new idempotency key for each try, so that no try can be recognised."""

    numbers = itertools.count()

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Idempotency-Key": f"try-{next(self.numbers)}"}

    def tries_again(self, method: str, error: ClientError) -> bool:
        return super().tries_again("GET", error)


@faulty(MONEY, blocker=True)
class LostAnswersAreRefusals(HttpxPlain):
    """Says "the request failed, you were not charged" when the answer of an order was lost."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ConnectionLost as error:
            if method == "POST":
                raise ClientError("The request failed; you were not charged.") from None
            raise error from None


@faulty(MONEY, blocker=True)
class FloatMoney(HttpxPlain):
    """Turns the balance into a float, so that large amounts lose their cents."""

    def balance(self) -> Any:
        value = super().balance()
        return {**value, "balance": float(value["balance"])}


@faulty(MONEY, blocker=True)
class RoundsCosts(HttpxPlain):
    """Rounds the cost of a result to cents: 0.035 becomes 0.04 and 0.004 nothing."""

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        cost = round(result["usage"]["total_cost"], 2)
        return {**result, "usage": {**result["usage"], "total_cost": cost}}


@faulty(MONEY, style="httpx-async", blocker=True)
class HedgedOrders(HttpxAsync):
    """Sends the order a second time when the first has no answer after a quarter of the timeout."""

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        whole, self.timeout = self.timeout, self.timeout / 4
        try:
            return await super().exchange(method, url, body, headers)
        except ConnectionLost as error:
            if not error.message.startswith("No whole answer"):
                raise
        finally:
            self.timeout = whole
        return await super().exchange(method, url, body, headers)


@faulty(MONEY, style="requests", blocker=True, program=True)
class AdapterRetriesPosts(RequestsClient):
    """Mounts a Retry of urllib3 for all methods and errors, the snippet of many tutorials."""

    def session(self) -> Any:
        import requests  # noqa: PLC0415 - as the tutorial has it
        from requests.adapters import HTTPAdapter  # noqa: PLC0415 - as the tutorial has it
        from urllib3.util import Retry  # noqa: PLC0415 - as the tutorial has it

        made = requests.Session()
        made.trust_env = False
        retry = Retry(
            total=3,
            backoff_factor=0.1,
            status_forcelist=[500, 502, 503, 504],
            allowed_methods=None,
            raise_on_status=False,
        )
        made.mount("http://", HTTPAdapter(max_retries=retry))
        return made


@faulty(MONEY, blocker=True)
class SubmitsBeforeValidating(HttpxPlain):
    """Demands a finished video right after the order, and calls the order failed without one."""

    def submit_video(self, **fields: Any) -> Any:
        made = super().submit_video(**fields)
        self.parse(self.call("GET", self.video_url(made["id"])), shapes.COMPLETED)
        return made


@faulty(MONEY, blocker=True)
class ImageOrdersInPairs(HttpxPlain):
    """Orders a second picture when the first comes without its size, "to be sure"."""

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        if result["data"] and result["data"][0].get("width") is None:
            return self.parse(
                self.call("POST", self.url(PATHS["image"]), self.body(fields)), shapes.IMAGE
            )
        return result
