"""Faults of reading, errors, requests and concurrency."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import getimg
import httpx

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import BadAnswer
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient

SDKS: dict[str, getimg.GetimgAI] = {}


@faulty("reading", style="sdk", blocker=True)
class WantsMillisecondsInExpiry(SdkClient):
    """Reads deletes_at by strptime with %f: a paid picture is lost if its time has no fraction."""

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        for item in result["data"]:
            expires = datetime.strptime(item["deletes_at"], "%Y-%m-%dT%H:%M:%S.%f%z")
            LOG.info("image %s is kept until %s", result["id"], expires)
        return result


@faulty("reading")
class DecodesPieceByPiece(HttpxClient):
    """Decodes each piece of an answer alone: a letter that is cut in two becomes two U+FFFD."""

    def chunks(self, answer: httpx.Response) -> Iterator[bytes]:
        is_text = "json" in answer.headers.get("content-type", "")
        for piece in super().chunks(answer):
            yield piece.decode("utf-8", "replace").encode() if is_text else piece


@faulty("reading", style="requests", program=True)
class ReadsAnswersAsLatin1(StreamedRequestsClient):
    """Reads JSON as ISO-8859-1, as requests' text does without a charset: names are garbled."""

    def unpack(self, body: bytes) -> Any:
        return super().unpack(body.decode("iso-8859-1").encode())


@faulty("errors", blocker=True)
class ForgetsIdOfOddAnswers(HttpxClient):
    """Wraps what is wrong with an answer in a new error, without the id that the answer has."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        try:
            return super().parse(answer, shape, post=post)
        except BadAnswer as error:
            raise BadAnswer(
                f"The answer could not be validated: {error.message}",
                status_code=error.status_code,
                outcome_unknown=error.outcome_unknown,
            ) from None


@faulty("requests", style="stdlib", program=True)
class GivesTextToHttpClient(StdlibClient):
    """Gives http.client a body of text, which it sends as ISO-8859-1, or cannot send at all."""

    def body(self, fields: dict[str, Any]) -> Any:
        kept = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(kept, allow_nan=False, ensure_ascii=False)


@faulty("requests", style="httpx-async", blocker=True)
class SendsFieldsOfEarlierCalls(HttpxAsyncClient):
    """Collects the fields of orders in one dict: what one caller set goes into the next's order."""

    def prepare(self) -> None:
        self.payload: dict[str, Any] = {}

    def body(self, fields: dict[str, Any]) -> bytes:
        self.payload.update({name: value for name, value in fields.items() if value is not None})
        return super().body(self.payload)


@faulty("concurrency", style="threads", blocker=True)
class SharesPartFileOfResult(HttpxClient):
    """Names the unfinished file after the result alone: two downloads of it write into one."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        part_path = Path(directory, f".getimg-{self.file_name(result, 0)}.part")
        with part_path.open("wb") as part:
            try:
                self.fetch(url, part, result)
                part.close()
                return str(self.publish(part_path, path, overwrite))
            except BaseException:
                part_path.unlink(missing_ok=True)
                raise


@faulty("concurrency", style="sdk", blocker=True)
class CachesSdkByAddress(SdkClient):
    """Caches the SDK by base URL alone: a second client with another key spends the first's."""

    def make_sdk(self) -> getimg.GetimgAI:
        if self.base_url not in SDKS:
            SDKS[self.base_url] = getimg.GetimgAI(
                base_url=self.base_url,
                api_key=self.secret.reveal(),
                max_retries=0,
                http_client=self.http,
            )
        return SDKS[self.base_url].with_options(timeout=self.timeout, http_client=self.http)
