"""Faults of reading, errors and requests, of the kinds that reviews let pass."""

import json
import re
from datetime import datetime
from typing import Any, ClassVar

import getimg

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, GenerationFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("reading", style="sdk-async", blocker=True)
class KeepsFirstFileOnly(SdkAsyncClient):
    """Hands out the first file of a generation alone, though `data` holds one or more paid ones."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape in {shapes.IMAGE, shapes.video} and value.get("data"):
            value["data"] = value["data"][:1]
        return value


@faulty("reading", style="requests", program=True)
class DecodesJsonAsLatin1(StreamedRequestsClient):
    """Decodes JSON as Latin-1, the default that requests has for text: names come out garbled."""

    def unpack(self, body: bytes) -> Any:
        return super().unpack(body.decode("latin-1").encode())


@faulty("errors", blocker=True)
class RaisesFirstOfSeveralErrors(HttpxClient):
    """Raises the error of its first try: an order lost after a 429 is told as plainly refused."""

    def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        first: ClientError | None = None
        for tried in range(self.attempts()):
            try:
                return self.attempt(method, url, body)
            except ClientError as error:
                first = first or error
                if tried + 1 >= self.attempts() or not self.tries_again(method, error):
                    raise first from None
                pause = self.delay(tried, error)
                if pause is None:
                    raise first from None
            self.sleep(pause)
        raise AssertionError("the last try returns or raises")


@faulty("errors", style="aiohttp", program=True)
class DropsReasonOfFailedVideos(AiohttpClient):
    """Says of a failed video only that it failed: the message and code of the API are dropped."""

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed":
            raise GenerationFailed(f"Video {video['id']} failed.", generation_id=video["id"])
        return super().ended(video)


@faulty("requests", style="sdk", blocker=True)
class SendsFirstCallersKey(SdkClient):
    """Keeps the header with the key on its class: a second client orders with the first key."""

    sent: ClassVar[dict[str, dict[str, str]]] = {}

    def make_sdk(self) -> getimg.GetimgAI:
        mine = {"Authorization": f"Bearer {self.secret.reveal()}"}
        shared = self.sent.setdefault(self.base_url, mine)
        return super().make_sdk().with_options(default_headers=shared)


@faulty("requests")
class WritesZForAnyZone(HttpxClient):
    """Writes Z in the place of a zone like +02:00 and keeps the hour: it asks for other costs."""

    def moment(self, value: datetime | str) -> str:
        return re.sub(r"[+-]\d\d:\d\d$", "Z", super().moment(value))


@faulty("requests", style="stdlib", program=True)
class CountsCharactersNotBytes(StdlibClient):
    """Sends the number of characters as Content-Length: prompts outside of ASCII arrive cut off."""

    def body(self, fields: dict[str, Any]) -> bytes:
        plain = json.loads(super().body(fields))
        return json.dumps(plain, ensure_ascii=False).encode()

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        if body is not None:
            sent["Content-Length"] = str(len(body.decode()))
        return sent
