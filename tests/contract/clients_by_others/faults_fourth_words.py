"""Faults of what is sent, of how answers are read, and of what is reported to the user."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.contract.clients_by_others.errors import BadAnswer, ClientError
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("reading", blocker=True)
class NeedsUsageOfVideos(HttpxClient):
    """Adds up what videos cost, and stumbles over one without `usage`, which is optional."""

    def prepare(self) -> None:
        self.spent = Decimal(0)

    def generate_video(self, **fields: Any) -> Any:
        video = super().generate_video(**fields)
        self.spent += Decimal(str(video["usage"]["total_cost"]))
        return video


@faulty("reading", blocker=True)
class ExactContentType(HttpxClient):
    """Takes nothing but `application/json` to the letter: a charset behind it loses the answer."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        kind = answer.headers.get("content-type")
        if kind != "application/json":
            raise BadAnswer(f"The answer is {kind}.", status_code=answer.status)
        return super().parse(answer, shape, post=post)


@faulty("errors")
class GivesUpWithoutReason(HttpxClient):
    """After its retries it says how often it tried, and not what the last answer was."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        try:
            return super().call(method, url, body)
        except ClientError as error:
            if self.max_retries and self.tries_again(method, error):
                raise ClientError(f"Gave up after {self.attempts()} tries.") from None
            raise


@faulty("errors")
class BlamesTheKey(HttpxClient):
    """Tells the user to check the key whenever an order is refused, and drops what was said."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if 400 <= answer.status < 500 and answer.status != 429:
            error.args = ("The request was refused: check your API key.",)
            error.message, error.code = error.args[0], None
        return error


@faulty("requests", blocker=True)
class StickyFields(HttpxClient):
    """Keeps the fields of an order as defaults: a later order gets the dearer ones, unasked."""

    def prepare(self) -> None:
        self.defaults: dict[str, dict[str, Any]] = {"image": {}, "video": {}}

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        self.defaults[kind].update(fields)
        return super().submit(kind, shape, self.defaults[kind])


@faulty("requests")
class OneReferencePerRole(HttpxClient):
    """Sorts references by role into a dictionary: of several of one role, the last is sent."""

    def body(self, fields: dict[str, Any]) -> bytes:
        images = fields.get("images")
        if isinstance(images, list) and all(isinstance(each, dict) for each in images):
            by_role = {each.get("role", "reference_image"): each for each in images}
            fields = {**fields, "images": list(by_role.values())}
        return super().body(fields)


@faulty("requests")
class StampsUtcOnLocalTimes(HttpxClient):
    """Writes a Z behind a time as it stands, whatever zone it had: the range of costs is off."""

    def moment(self, value: datetime | str) -> str:
        said = super().moment(value)
        return datetime.fromisoformat(said).strftime("%Y-%m-%dT%H:%M:%SZ")


@faulty("requests")
class RetriesSpentBodies(HttpxClient):
    """Streams an order from a generator that a retry finds used up: it sends an empty body."""

    def stream(self, body: bytes) -> Iterator[bytes]:
        yield body

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        streamed: Any = None if body is None else self.stream(body)
        return super().call(method, url, streamed)
