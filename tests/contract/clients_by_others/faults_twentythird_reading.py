"""Clients that read or tell wrongly: errors, secrets, answers."""

import json
from typing import Any

import getimg
import requests

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.errors import ApiError, ClientError, GenerationFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient

# errors


@faulty("errors", style="sdk", blocker=True)
class PassesItsRetriesOnToTheSdk(SdkClient):
    """Lets the SDK retry, too, which repeats an order after a 500 or a lost answer: paid again."""

    def make_sdk(self) -> getimg.GetimgAI:
        return getimg.GetimgAI(
            base_url=self.base_url,
            api_key=self.secret.reveal(),
            max_retries=self.max_retries,
            timeout=self.timeout,
            http_client=self.http,
        )


@faulty("errors")
class DiesOfAGatewaysPage(HttpxClient):
    """Reads every error as the API's JSON: a gateway's 502 page is a ValueError without status."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        told = json.loads(answer.body)["error"]
        unknown = method == "POST" and answer.status >= 500 and "retry-after" not in answer.headers
        return ApiError(
            str(told["message"]).replace(self.secret.reveal(), "***"),
            status_code=answer.status,
            code=told["code"],
            request_id=answer.headers.get("x-request-id") or answer.headers.get("request-id"),
            outcome_unknown=unknown or (method == "POST" and answer.status == 409),
            headers=answer.headers,
        )


@faulty("errors", style="sdk-async")
class HidesWhyAVideoFailed(SdkAsyncClient):
    """Drops code and message of a failed video: refused content looks like an outage."""

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed":
            raise GenerationFailed(f"Video {video['id']} failed.", generation_id=video["id"])
        return bool(video["status"] == "completed")


# secrets


@faulty("secrets", blocker=True)
class MasksTheKeyInLowerCaseOnly(HttpxClient):
    """Masks `authorization` but sends `Authorization`: each error report shows the key."""

    masked = frozenset({"authorization", "cookie", "x-api-key"})

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            shown = {
                name: "***" if name in self.masked else value
                for name, value in self.headers(body).items()
            }
            error.add_note(f"request: {method} {url} {shown}")
            raise


@faulty("secrets", style="requests", blocker=True, program=True)
class KeepsTheKeyInTheSession(StreamedRequestsClient):
    """Makes the key a default header of the session: it goes to whatever host has the files."""

    def session(self) -> requests.Session:
        found = super().session()
        found.headers["Authorization"] = f"Bearer {self.secret.reveal()}"
        return found


# reading of answers

SIZED = shapes.many(shapes.record({**shapes.FILE, **shapes.SIZE}))


def sized(shape: Rule) -> Rule:
    def check(value: Any, where: str) -> None:
        shape(value, where)
        if "data" in value:
            SIZED(value["data"], f"{where}.data")

    return check


@faulty("reading", blocker=True)
class DemandsASizeOfEveryFile(HttpxClient):
    """Refuses a file whose width or height is null or missing: a paid picture is thrown away."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        media = shape in (shapes.IMAGE, shapes.video)
        return super().parse(answer, sized(shape) if media else shape, post=post)


AMOUNTS = frozenset({"total_cost", "unit_price", "cost"})


def in_cents(value: Any) -> Any:
    if isinstance(value, list):
        return [in_cents(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: round(item, 2) if name in AMOUNTS and isinstance(item, float) else in_cents(item)
        for name, item in value.items()
    }


@faulty("reading", style="stdlib", program=True)
class TellsCostsInWholeCents(StdlibClient):
    """Rounds amounts to cents, but prices have parts of them: the books do not add up."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        return in_cents(super().parse(answer, shape, post=post))
