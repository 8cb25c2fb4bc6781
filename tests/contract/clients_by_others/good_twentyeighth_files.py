"""Good clients with habits of their own: they resume files, queue orders, answer by attributes."""

import asyncio
import json
import time
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("httpx")
class ResumesFilesUnderTheirTag(HttpxClient):
    """Resumes a broken file by Range and If-Range; begins anew at any answer but that range."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        seen: dict[str, str] = {}
        for tried in range(self.attempts()):
            try:
                self.resume(url, part, result, seen)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                self.sleep(pause)
            else:
                return

    def resume(self, url: str, part: IO[bytes], result: Any, seen: dict[str, str]) -> None:
        until, held, tag = time.monotonic() + self.timeout, part.tell(), seen.get("etag", "")
        sent = self.download_headers()
        if held and tag.startswith('"'):
            sent |= {"Range": f"bytes={held}-", "If-Range": tag}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            goes_on = "Range" in sent and status == 206
            refused = "Range" in sent and status == 416
            if refused or (goes_on and not self.follows(headers, held)):
                self.begin(part)
                raise ConnectionLost("The rest of the file is not to be had: it is read anew.")
            self.judge_file(200 if goes_on else status, headers, result)
            if not goes_on:
                self.begin(part)
                seen["etag"] = headers.get("etag", "")
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")

    def follows(self, headers: dict[str, str], held: int) -> bool:
        return headers.get("content-range", "").lower().startswith(f"bytes {held}-")

    def begin(self, part: IO[bytes]) -> None:
        part.seek(0)
        part.truncate()


@enlist("aiohttp", program=True)
class QueuesOrdersForThreePlaces(AiohttpClient):
    """Sends at most three orders at a time; the others queue, and polls pass them by."""

    def prepare(self) -> None:
        self.places = asyncio.Semaphore(3)

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        async with self.places:
            return await super().submit(kind, shape, fields)


class AnswerWithAttributes(dict[str, Any]):
    """An object of an answer: a dict whose items are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


@enlist("sdk")
class AnswersWithAttributes(SdkClient):
    """Gives objects that are dicts with their items as attributes, as `result.data[0].url`."""

    def unpack(self, body: bytes) -> Any:
        def refuse(word: str) -> None:
            raise ValueError(f"{word} is not JSON")

        return json.loads(body, object_hook=AnswerWithAttributes, parse_constant=refuse)
