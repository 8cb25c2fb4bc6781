"""Faults of reading, errors, requests and concurrency."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ClientError,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, Answer, Secret
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient

CODES = {
    "invalid_api_key",
    "parameter_missing",
    "invalid_parameter",
    "quota_exceeded",
    "content_policy_violation",
    "not_found",
    "rate_limit",
    "server_error",
}


@faulty("reading", style="stdlib", blocker=True, program=True)
class DemandsFractionInDates(StdlibClient):
    """Loses a paid picture to strptime's ValueError if deletes_at has no fraction of a second."""

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        for item in result["data"]:
            form = "%Y-%m-%dT%H:%M:%S.%fZ"
            until = datetime.strptime(item["deletes_at"], form).replace(tzinfo=UTC)
            LOG.info("a file of %s is kept until %s", result["id"], until)
        return result


@faulty("reading", style="stdlib", program=True)
class CutsFrameRates(StdlibClient):
    """Reads fps and duration of a video as int, so that 23.976 frames a second become 23."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape is shapes.video:
            for item in value.get("data") or ():
                for name in ("fps", "duration"):
                    if item.get(name) is not None:
                        item[name] = int(item[name])
        return value


@faulty("reading", style="requests", program=True)
class ReadsUtf8AsLatin1(StreamedRequestsClient):
    """Decodes JSON as Latin-1, HTTP's default of old, so that text beyond ASCII is garbled."""

    def unpack(self, body: bytes) -> Any:
        return super().unpack(body.decode("latin-1").encode())


@faulty("errors")
class FormatsServerText(HttpxClient):
    """Puts the server's text through str.format, and dies of a KeyError if it has a brace."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if error.code is not None:
            form = "{code}: " + error.message
            error.message = form.format(code=error.code)
        return error


@faulty("errors", style="aiohttp", program=True)
class MapsNewCodesToServerError(AiohttpClient):
    """Tells an error whose code it does not know as server_error, even a refusal with 4xx."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if error.code is not None and error.code not in CODES:
            error.code = "server_error"
        return error


@faulty("requests", blocker=True)
class PrefersEnvironmentKey(HttpxClient):
    """Takes the key in GETIMG_API_KEY, if set, over the caller's: another workspace pays."""

    def prepare(self) -> None:
        found = os.environ.get("GETIMG_API_KEY")
        if found:
            self.secret = Secret(found)


@faulty("requests", style="httpx-async")
class StampsLocalTimesAsUtc(HttpxAsyncClient):
    """Writes Z behind a moment of any zone without converting it, so costs are of other hours."""

    def moment(self, value: datetime | str) -> str:
        given = datetime.fromisoformat(super().moment(value).upper())
        return given.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@faulty("requests", style="sdk", blocker=True)
class DropsRefusedOptions(SdkClient):
    """Orders once more without resolution and ratio when they are refused, and does not say so."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        plain = {
            name: value
            for name, value in fields.items()
            if name not in {"resolution", "aspect_ratio"}
        }
        try:
            return super().submit(kind, shape, fields)
        except ApiError as error:
            if error.code != "invalid_parameter" or self.body(plain) == self.body(fields):
                raise
        return super().submit(kind, shape, plain)


@faulty("concurrency", style="threads", blocker=True)
class SharesOnePartFile(HttpxClient):
    """Writes all downloads of a folder to one .part file, so that two at once mix their bytes."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        name = Path(directory, ".getimg-download.part")
        try:
            with name.open("wb") as part:
                self.fetch(url, part, result)
            return str(self.publish(name, path, overwrite))
        except BaseException:
            name.unlink(missing_ok=True)
            raise


@faulty("concurrency", style="httpx-async", blocker=True)
class ReadsIntoOneBuffer(HttpxAsyncClient):
    """Reads all answers into one buffer of the client: a call meanwhile spoils a paid answer."""

    def prepare(self) -> None:
        self.buffer = bytearray()

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        self.buffer.clear()
        try:
            async with (
                self.limit(),
                self.open(method, url, body, headers, self.timeout) as (status, got, chunks),
            ):
                async for chunk in chunks:
                    self.buffer += chunk
                    if len(self.buffer) > 16 * MEBIBYTE:
                        raise BadAnswer("The answer is larger than any of the API.")
                return Answer(status, got, bytes(self.buffer))
        except TimeoutError:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.") from None
