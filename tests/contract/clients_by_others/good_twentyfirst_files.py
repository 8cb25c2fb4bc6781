"""Good clients that differ in how they order, pay, end and keep files: over httpx and the SDK."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

import httpx

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.rules import MEBIBYTE, PATHS, Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient


@enlist("httpx")
class HttpxTellsBalanceAt402(HttpxClient):
    """Asks once for the balance after a 402, for 5 s at most, and notes it on the error."""

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        try:
            return super().submit(kind, shape, fields)
        except ClientError as error:
            if error.status_code == 402:
                self.note_balance(error)
            raise

    def note_balance(self, refusal: ClientError) -> None:
        try:
            left = self.parse(self.brief(self.url("/v2/billing/balance")), shapes.BALANCE)
        except ClientError:
            return
        refusal.add_note(f"balance: {left['balance'].strip()} {left['currency'][:20]!r}")

    def brief(self, url: str) -> Answer:
        """Read once, and leave off soon: the caller waits for an error that is known already."""
        seconds = min(self.timeout, 5.0)
        until = time.monotonic() + seconds
        with self.open("GET", url, None, self.headers(None), seconds) as (status, got, chunks):
            read = bytearray()
            for chunk in chunks:
                read += chunk
                if time.monotonic() > until or len(read) > MEBIBYTE:
                    raise ConnectionLost("The balance did not come soon.")
        answer = Answer(status, got, bytes(read))
        if not self.expected(answer):
            raise self.error_of(answer, "GET")
        return answer


@enlist("httpx")
class HttpxFolderPerGeneration(HttpxClient):
    """Keeps the files of a generation in a folder of its own, named by its id: req-1/0.png."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        stem, _, number = path.stem.rpartition("-")
        folder = path.parent / stem
        made = not os.path.lexists(folder)
        with suppress(FileExistsError):
            folder.mkdir()
        if not folder.is_dir() or folder.is_symlink():  # something else has the name
            return super().publish(part, path, overwrite)
        try:
            return super().publish(part, folder / f"{number}{path.suffix}", overwrite)
        except BaseException:
            if made:
                with suppress(OSError):  # by now it may hold another file
                    folder.rmdir()
            raise


@enlist("httpx")
class HttpxClosesIdlePool(HttpxClient):
    """Shares one pool among calls that overlap; the last to end closes it: no `close` is needed."""

    def prepare(self) -> None:
        self.busy = 0
        self.busy_in = os.getpid()

    def begin(self) -> None:
        with self.pool_lock:
            if self.busy_in != os.getpid():  # calls of the parent's threads are none of ours
                self.busy, self.busy_in = 0, os.getpid()
            self.busy += 1

    def end(self) -> None:
        with self.pool_lock:
            self.busy -= 1
            idle: httpx.Client | None = None
            if not self.busy:
                idle, self.pool = self.pool, None
        if idle is not None:
            idle.close()

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        self.begin()
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                yield opened
        finally:
            self.end()


@enlist("httpx-async")
class HttpxAsyncRenewsVideoLinks(HttpxAsyncClient):
    """Reads a video once more if its link is dead, and tries the new link, if that is another."""

    async def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            await super().fetch(url, part, result)
        except DownloadFailed as error:
            if error.status_code not in {403, 404, 410}:
                raise
            fresh = await self.renewed(url, result)
            if fresh is None:
                raise
            part.seek(0)
            part.truncate()
            await super().fetch(fresh, part, result)

    async def renewed(self, url: str, result: Any) -> str | None:
        """Return another link to the same file, if the service has one."""
        places = [at for at, item in enumerate(result["data"]) if item["url"] == url]
        if not places or not result["data"][places[0]]["mime_type"].startswith("video/"):
            return None  # a picture cannot be read again
        try:
            answer = await self.attempt("GET", self.video_url(result["id"]), None)
            video = self.parse(answer, shapes.video)
            if video["status"] != "completed" or video["id"] != result["id"]:
                return None
            fresh = self.link(video, places[0])
        except (ClientError, ValueError):
            return None
        return fresh if fresh != url else None


SENT: ContextVar[list[str] | None] = ContextVar("SENT", default=None)


async def note_sending(event: str, _: Any) -> None:
    if event.endswith("send_request_headers.started") and (sent := SENT.get()) is not None:
        sent.append(event)


async def traced(request: httpx.Request) -> None:
    request.extensions = {**request.extensions, "trace": note_sending}


def seen(order: asyncio.Task[Answer]) -> None:
    """Look at how it ended, so that asyncio does not report it as overlooked."""
    if not order.cancelled():
        order.exception()


@enlist("httpx-async")
class HttpxAsyncLearnsIdOnCancel(HttpxAsyncClient):
    """Gives a video order that was sent half a second more when cancelled, to learn its id."""

    grace = 0.5

    def make_pool(self) -> httpx.AsyncClient:
        hooks: dict[str, list[Any]] = {"request": [traced]}
        return httpx.AsyncClient(follow_redirects=False, trust_env=False, event_hooks=hooks)

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if method != "POST" or not url.endswith(PATHS["video"]):
            return await super().attempt(method, url, body)
        sent: list[str] = []
        before = SENT.set(sent)
        order = asyncio.create_task(super().attempt(method, url, body))
        SENT.reset(before)
        order.add_done_callback(seen)
        try:
            return await asyncio.shield(order)
        except asyncio.CancelledError as cancelled:
            try:
                if sent:
                    await asyncio.wait({order}, timeout=self.grace)
            finally:
                order.cancel()
            self.tell(cancelled, order)
            await asyncio.wait({order}, timeout=self.grace)
            raise

    def tell(self, cancelled: BaseException, order: asyncio.Task[Answer]) -> None:
        if order.done() and not order.cancelled() and order.exception() is None:
            try:
                accepted = self.parse(order.result(), shapes.ACCEPTED)
            except ClientError:
                return
            self.name(cancelled, accepted["id"])


@enlist("sdk-async")
class SdkAsyncTriesKeyFirst(SdkAsyncClient):
    """Reads the balance before its first order: one whose key is refused is not even sent."""

    def prepare(self) -> None:
        self.key_tried = False

    async def try_key(self) -> None:
        """Raise if the key is refused; whatever else goes wrong, the order will tell."""
        try:
            async with asyncio.timeout(min(self.timeout, 5.0)):
                await self.attempt("GET", self.url("/v2/billing/balance"), None)
        except TimeoutError:
            return
        except ClientError as error:
            if error.status_code == 401:
                self.key_tried = False
                raise

    async def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        if not self.key_tried:
            self.key_tried = True
            await self.try_key()
        return await super().submit(kind, shape, fields)
