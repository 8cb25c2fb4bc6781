"""Faults of downloads, secrets and resources."""

import os
import queue
import threading
import time
from pathlib import Path
from typing import IO, Any

import trio

from tests.contract.clients_by_others.async_transports import AiohttpClient, TrioClient
from tests.contract.clients_by_others.errors import BadAnswer, ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("downloads", blocker=True)
class DeletesOldFileFirst(HttpxClient):
    """Deletes the file to be overwritten before the fetch: at a dead link, both are gone."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        if overwrite:
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="trio", blocker=True, program=True)
class KeepsHalfAtDeadline(TrioClient):
    """Bounds a download by move_on_after: what came before the deadline is kept as the file."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with trio.move_on_after(self.timeout):
            async with opened as (status, headers, chunks):
                self.judge_file(status, headers, result)
                async for chunk in chunks:
                    part.write(chunk)


@faulty("downloads", style="aiohttp", program=True)
class TakesAnySuccessForFile(AiohttpClient):
    """Takes any 2xx of a link for the file: an empty 202 or 204, or the piece in a 206."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        succeeded = 200 <= status < 300
        super().judge_file(200 if succeeded else status, headers, result)


@faulty("secrets", blocker=True)
class NotesRequestHeaders(HttpxClient):
    """Adds the request with its headers, the key among them, as a note to each error."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            error.add_note(f"request: {method} {url}, headers: {self.headers(body)}")
            raise


@faulty("secrets", style="sdk-async")
class QuotesAnswersWithLinks(SdkAsyncClient):
    """Quotes an answer that it cannot read in the error, with the signed links in it."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        try:
            return super().parse(answer, shape, post=post)
        except BadAnswer as error:
            error.message += f" It was: {answer.body[:1000].decode('utf-8', 'replace')}"
            raise


@faulty("resources", style="threads")
class AbandonsPollingThreads(HttpxClient):
    """Polls in a thread without a deadline, which goes on for ever when the caller's wait ends."""

    def poll_to_the_end(self, id: str) -> Any:
        began, pause = time.monotonic(), self.poll_interval
        while True:
            self.sleep(pause)
            self.pace()
            pause = self.poll_interval
            try:
                video, told = self.poll(id)
            except ClientError as error:
                if not self.survivable(error, time.monotonic() - began):
                    raise
                pause = max(pause, self.told(error.headers) or 0.0)
                continue
            if self.ended(video):
                return video
            pause = max(pause, told)

    def wait(self, id: str) -> Any:
        out: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue()

        def run() -> None:
            try:
                out.put((self.poll_to_the_end(id), None))
            except BaseException as error:
                out.put((None, error))

        threading.Thread(target=run, name="getimg-poller", daemon=True).start()
        try:
            video, failed = out.get(timeout=self.wait_timeout)
            if failed is not None:
                raise failed
        except queue.Empty:
            late = WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            self.name(late, id)
            raise late from None
        except BaseException as error:
            self.name(error, id)
            raise
        return video


@faulty("resources")
class LeaksFolderHandles(HttpxClient):
    """Opens the folder to have the disk confirm a file's name, and never closes the handle."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        published = super().publish(part, path, overwrite)
        os.fsync(os.open(published.parent, os.O_RDONLY))
        return published
