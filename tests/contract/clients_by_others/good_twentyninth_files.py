"""Good clients of a twenty-ninth author, each with an unusual habit."""

import threading
import time
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient


@enlist("stdlib", program=True)
class ResumesFilesOfTheSameTag(StdlibClient):
    """Resumes a broken file by Range and If-Range where it has a strong tag, else begins anew."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        tag = ""
        for tried in range(self.attempts()):
            seen: dict[str, str] = {}
            try:
                self.save_rest(url, part, result, tag, seen)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                tag = seen.get("tag", tag)
                self.sleep(pause)
            else:
                return

    def save_rest(
        self, url: str, part: IO[bytes], result: Any, tag: str, seen: dict[str, str]
    ) -> None:
        until, have = time.monotonic() + self.timeout, part.tell()
        resumes = have > 0 and tag.startswith('"')
        asked = {"Range": f"bytes={have}-", "If-Range": tag} if resumes else {}
        sent = {**self.download_headers(), **asked}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            follows = headers.get("content-range", "").startswith(f"bytes {have}-")
            if status in {200, 416} or (status == 206 and not follows):
                part.seek(0)
                part.truncate()
            if resumes and (status == 416 or (status == 206 and not follows)):
                raise ConnectionLost("The range is not to be had; from the start again.")
            rest = resumes and status == 206
            self.judge_file(200 if rest else status, headers, result)
            seen["tag"] = tag if rest else headers.get("etag", "")
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@enlist("aiohttp", program=True)
class PollsMoreAndMoreSeldom(AiohttpClient):
    """Lets the pause between polls of a video grow by a quarter each time, up to the double."""

    async def wait(self, id: str) -> Any:
        began, step = time.monotonic(), self.poll_interval
        pause = step
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                await self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                await self.pace()
                step = min(step * 1.25, 2 * self.poll_interval)
                try:
                    video, told = await self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    pause = max(step, self.told(error.headers) or 0.0)
                    continue
                if self.ended(video):
                    return video
                pause = max(step, told)
        except BaseException as error:
            self.name(error, id)
            raise


@enlist("sdk")
class QueuesOrdersBehindFourSlots(SdkClient):
    """The SDK; at most four orders are under way at once, further ones wait for a place."""

    def prepare(self) -> None:
        self.slots = threading.BoundedSemaphore(4)

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if not self.slots.acquire(timeout=self.timeout):
            raise ConnectionFailed(f"No place came free in {self.timeout} s: nothing was sent.")
        try:
            return super().submit(kind, shape, fields)
        finally:
            self.slots.release()
