"""The calls of an asynchronous client; a transport gives it `open`, and its style sleeps."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    DownloadFailed,
    GenerationFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.rules import LOG, MEBIBYTE, PATHS, Answer, Rules
from tests.contract.clients_by_others.shapes import Rule

Opened = tuple[int, dict[str, str], AsyncIterator[bytes]]


class AsyncFlow(Rules):
    """Retries, waiting and downloads as coroutines."""

    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AbstractAsyncContextManager[Opened]:
        """Send a request and read the head of the answer: the transport's part."""
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def limit(self) -> AbstractAsyncContextManager[Any]:
        """Return what ends its block by TimeoutError after `timeout` seconds."""
        return asyncio.timeout(self.timeout)

    # one request

    async def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        try:
            async with (
                self.limit(),
                self.open(method, url, body, headers, self.timeout) as (status, got, chunks),
            ):
                read = bytearray()
                async for chunk in chunks:
                    read += chunk
                    if len(read) > 16 * MEBIBYTE:
                        raise BadAnswer("The answer is larger than any of the API.")
                return Answer(status, got, bytes(read))
        except TimeoutError:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.") from None

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            answer = await self.exchange(method, url, body, self.headers(body))
        except (ConnectionLost, BadAnswer) as error:
            error.outcome_unknown = method == "POST"
            raise
        if not self.expected(answer):
            raise self.error_of(answer, method)
        return answer

    async def call(self, method: str, url: str, body: bytes | None = None) -> Answer:
        tries = self.attempts()
        for tried in range(tries):
            try:
                return await self.attempt(method, url, body)
            except ClientError as error:
                if tried + 1 >= tries or not self.tries_again(method, error):
                    raise
                pause = self.delay(tried, error)
                if pause is None:
                    raise
            await self.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        answer = await self.call("POST", self.url(PATHS[kind]), self.body(fields))
        return self.parse(answer, shape, post=True)

    # the operations

    async def generate_image(self, **fields: Any) -> Any:
        result = await self.submit("image", shapes.IMAGE, fields)
        if result["status"] != "completed":
            raise BadAnswer(
                f"The image is {result['status']!r}, not completed.",
                generation_id=result["id"],
                outcome_unknown=True,
            )
        return result

    async def submit_video(self, **fields: Any) -> Any:
        return await self.submit("video", shapes.ACCEPTED, fields)

    async def retrieve_video(self, id: str) -> Any:
        return self.parse(await self.call("GET", self.video_url(id)), shapes.video)

    async def generate_video(self, **fields: Any) -> Any:
        return await self.wait((await self.submit_video(**fields))["id"])

    async def models(self, type: str | None = None) -> Any:
        query = {"type": type} if type is not None else None
        return self.parse(await self.call("GET", self.url("/v2/models", query)), shapes.MODELS)

    async def model(self, id: str) -> Any:
        url = self.url(f"/v2/models/{self.segment(id)}")
        return self.parse(await self.call("GET", url), shapes.MODEL)

    async def balance(self) -> Any:
        return self.parse(await self.call("GET", self.url("/v2/billing/balance")), shapes.BALANCE)

    async def costs(self, start: datetime | str, end: datetime | str) -> Any:
        query = {"start": self.moment(start), "end": self.moment(end)}
        url = self.url("/v2/billing/costs", query)
        return self.parse(await self.call("GET", url), shapes.COSTS)

    # waiting

    def video_url(self, id: str) -> str:
        return self.url(f"{PATHS['video']}/{self.segment(id)}")

    async def pace(self) -> None:
        """Wait for a place among the polls of all waits of this client."""
        now = time.monotonic()
        mine = max(now, self.next_poll)
        self.next_poll = mine + self.poll_gap
        if mine > now:
            await self.sleep(mine - now)

    async def poll(self, id: str) -> tuple[Any, float]:
        """Return the video, and the seconds for which the server wants no poll."""
        answer = await self.attempt("GET", self.video_url(id), None)
        return self.parse(answer, shapes.video), self.told(answer.headers) or 0.0

    async def wait(self, id: str) -> Any:
        began = time.monotonic()
        pause = 0.0 if self.polls_at_once else self.poll_interval
        try:
            while True:
                left = began + self.wait_timeout - time.monotonic()
                await self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                await self.pace()
                pause = self.poll_interval
                try:
                    video, told = await self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, time.monotonic() - began):
                        raise
                    pause = max(pause, self.told(error.headers) or 0.0)
                    continue
                if self.ended(video):
                    return video
                pause = max(pause, told)
        except BaseException as error:
            self.name(error, id)
            raise

    def name(self, error: BaseException, id: str) -> None:
        """Leave the id of a job that goes on to the caller."""
        LOG.warning("stopped waiting for video %s", id)
        error.generation_id = id  # type: ignore[attr-defined]
        error.add_note(f"generation: {id}")

    def ended(self, video: Any) -> bool:
        if video["status"] == "failed":
            raise GenerationFailed(
                f"Video {video['id']} failed: {video['error']['message']}",
                code=video["error"]["code"],
                generation_id=video["id"],
            )
        return bool(video["status"] == "completed")

    # files

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                await self.fetch(url, part, result)
                part.close()
                return str(self.publish(Path(part.name), path, overwrite))
            except BaseException:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise

    async def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                await self.save(url, part, result)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                part.seek(0)
                part.truncate()
                await self.sleep(pause)
            else:
                return

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        try:
            async with self.limit(), opened as (status, headers, chunks):
                self.judge_file(status, headers, result)
                async for chunk in chunks:
                    part.write(chunk)
        except TimeoutError:
            raise ConnectionLost(f"The file did not come in {self.timeout} s.") from None
