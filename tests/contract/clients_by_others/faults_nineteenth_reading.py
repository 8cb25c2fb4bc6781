"""Faults of reading, errors, requests and polling by a stranger's address."""

import asyncio
import html
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urljoin

import aiohttp

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ClientError,
    GenerationFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import PATHS, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("reading", style="sdk", blocker=True)
class RefusesInexactRatios(SdkClient):
    """Refuses a paid picture that is not exactly of the ratio asked for, as 2848x1600 for 16:9."""

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        across, _, up = str(fields.get("aspect_ratio") or "").partition(":")
        for item in result["data"]:
            width, height = item.get("width"), item.get("height")
            if not (width and height and across.isdecimal() and up.isdecimal()):
                continue
            if width * int(up) != height * int(across):
                raise BadAnswer(
                    f"The picture of {width}x{height} is not {across}:{up}.",
                    generation_id=result["id"],
                    outcome_unknown=True,
                )
        return result


@faulty("reading", style="requests", blocker=True, program=True)
class WantsBraceAsFirstByte(StreamedRequestsClient):
    """Takes an answer with a blank or line break ahead of its brace for no JSON, though paid."""

    def unpack(self, body: bytes) -> Any:
        if body[:1] not in {b"{", b"["}:  # an HTML page of a gateway
            raise ValueError("The answer is no JSON.")
        return super().unpack(body)


@faulty("errors", style="requests", program=True)
class ExitsWhenKeyIsRefused(StreamedRequestsClient):
    """Ends the whole program by sys.exit when a key is refused, as its command line once did."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        if error.status_code == 401:
            sys.exit(f"getimg: {error}")
        return error


class PlainAiohttp(AiohttpClient):
    """aiohttp that unpacks nothing, and can be closed."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        async with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@faulty("errors", style="aiohttp", program=True)
class QuotesWholeOrderInErrors(PlainAiohttp):
    """Quotes a refused order in its error, private pictures as data URLs of megabytes and all."""

    async def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return await super().attempt(method, url, body)
        except ApiError as error:
            if body is not None:
                error.message += f" The order was: {body.decode()}"
            raise


@faulty("requests", style="sdk", blocker=True)
class SendsEqualFramesOnce(SdkClient):
    """Drops a picture that is given twice: a loop, whose two frames are one, loses its end."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept: dict[str, Any] = {}
        for image in fields.get("images") or []:
            kept.setdefault(image["url"], image)
        if kept:
            fields = {**fields, "images": list(kept.values())}
        return super().body(fields)


class PlainUrllib3(Urllib3Client):
    """urllib3 that refuses coded answers."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened


@faulty("requests", style="urllib3", program=True)
class EscapesPromptsForHtml(PlainUrllib3):
    """Escapes prompts as if for a page: `salt & pepper` is ordered as `salt &amp; pepper`."""

    def body(self, fields: dict[str, Any]) -> bytes:
        prompt = fields.get("prompt")
        if isinstance(prompt, str):
            fields = {**fields, "prompt": html.escape(prompt)}
        return super().body(fields)


@faulty("polling", blocker=True)
class PollsWhereLocationLeads(HttpxClient):
    """Polls the address in the Location of a 202, and so sends the key to any host named there."""

    def prepare(self) -> None:
        self.places: dict[str, str] = {}

    def submit(self, kind: str, shape: Rule, fields: dict[str, Any]) -> Any:
        asked = self.url(PATHS[kind])
        answer = self.call("POST", asked, self.body(fields))
        accepted = self.parse(answer, shape, post=True)
        if kind == "video" and answer.headers.get("location"):
            self.places[accepted["id"]] = urljoin(asked, answer.headers["location"])
        return accepted

    def video_url(self, id: str) -> str:
        return self.places.get(id) or super().video_url(id)

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        finally:
            self.places.pop(id, None)


@faulty("polling", style="httpx-async", blocker=True)
class PollerDiesOfOneFailure(HttpxAsyncClient):
    """Has one task poll for all waits, which dies of one failed video: the others hang for ever."""

    def prepare(self) -> None:
        self.waits: dict[asyncio.Future[Any], tuple[str, float]] = {}
        self.poller: asyncio.Task[None] | None = None

    async def wait(self, id: str) -> Any:
        future = asyncio.get_running_loop().create_future()
        self.waits[future] = (id, time.monotonic())
        if self.poller is None or self.poller.done():
            self.poller = asyncio.create_task(self.follow())
        try:
            return await future
        except BaseException as error:
            self.name(error, id)
            raise
        finally:
            self.waits.pop(future, None)
            if not self.waits and self.poller is not None:
                self.poller.cancel()
                self.poller = None

    async def follow(self) -> None:
        pause = self.poll_interval
        while self.waits:
            first = min(began for _, began in self.waits.values())
            left = first + self.wait_timeout - time.monotonic()
            await self.sleep(max(min(pause, left), 0))
            told = await asyncio.gather(*(self.look(*wait) for wait in self.waits.items()))
            pause = max(self.poll_interval, *told)

    async def look(self, future: asyncio.Future[Any], wait: tuple[str, float]) -> float:
        name, began = wait
        try:
            if time.monotonic() - began >= self.wait_timeout:
                raise WaitTimeout(f"Video {name} is still pending.", generation_id=name)
            await self.pace()
            video, told = await self.poll(name)
            if self.ended(video) and not future.done():
                future.set_result(video)
        except ClientError as error:
            over = isinstance(error, (GenerationFailed, WaitTimeout))
            if over or not self.survivable(error, time.monotonic() - began):
                if not future.done():
                    future.set_exception(error)
                raise
            told = self.told(error.headers) or 0.0
        return told
