"""Good clients that differ in files, retries and money: the SDK and other libraries."""

import os
import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any

import aiohttp

from tests.contract.clients_by_others import shapes
from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, TrioClient
from tests.contract.clients_by_others.errors import (
    BadAnswer,
    ClientError,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import Urllib3Client


class Link(str):
    """A signed link: whole as text, and without its signature in the repr of a result."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(self.partition("?")[0] + "?***")


@enlist("sdk")
class SdkHidesSignatures(SdkClient):
    """The official SDK; who prints a result sees no signature of a link, though it is whole."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if shape in {shapes.IMAGE, shapes.video} and value["status"] == "completed":
            for item in value["data"]:
                item["url"] = Link(item["url"])
        return value


@enlist("requests", program=True)
class RequestsOrdersSilence(StreamedRequestsClient):
    """requests; says sound=false in a video order that is silent on it: no default can cost."""

    def submit_video(self, **fields: Any) -> Any:
        if fields.get("sound") is None:
            fields = {**fields, "sound": False}
        return super().submit_video(**fields)


@enlist("urllib3", program=True)
class Urllib3RefusesTakenNames(Urllib3Client):
    """urllib3; where a file has the name already, says so and fetches nothing, unless told to."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        self.link(result, index)
        path = Path(directory, self.file_name(result, index))
        if not overwrite and os.path.lexists(path):
            raise DownloadFailed(
                f"{path.name} is there already; nothing was fetched.",
                generation_id=str(result["id"]),
            )
        return super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def close(self) -> None:
        self.manager.clear()


FILM_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V "}


def format_of(head: bytes) -> str | None:
    """Return the extension of a format that shows in its first bytes."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if head.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return ".webp"
    return ".mp4" if head[4:8] == b"ftyp" and head[8:12] in FILM_BRANDS else None


@enlist("aiohttp", program=True)
class AiohttpSniffsFormats(AiohttpClient):
    """aiohttp; ends a file's name by what its bytes are, and by its type if they say nothing."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        with part.open("rb") as whole:
            kind = format_of(whole.read(16))
        return super().publish(part, path.with_suffix(kind or path.suffix), overwrite)

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


@enlist("trio", program=True)
class TrioComesAfterTheRush(TrioClient):
    """Comes up to a quarter later than Retry-After says, for many heard the same; 5 s at most."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        told = self.told(error.headers)
        if pause is None or told is None:
            return pause
        return pause + random.uniform(0.0, min(told / 4, 5.0))


RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
STRONG = re.compile(r'"[!#-~]+"')


@enlist("stdlib", program=True)
class StdlibFetchesInPieces(StdlibClient):
    """http.client; asks for a file by Range in pieces of 4 MiB, which one strong ETag must join."""

    piece = 4 * MEBIBYTE

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        if not self.joined(url, part, result, until):
            part.seek(0)
            part.truncate()
            super().save(url, part, result)

    def joined(self, url: str, part: IO[bytes], result: Any, until: float) -> bool:
        """Fetch all pieces; say False if the service does not serve them as they should be."""
        have, total, tag = 0, 1, ""
        while have < total:
            span = f"bytes={have}-{have + self.piece - 1}"
            sent = {**self.download_headers(), "Range": span, **({"If-Range": tag} if tag else {})}
            left = max(until - time.monotonic(), 0.1)
            with self.open("GET", url, None, sent, left) as (status, headers, chunks):
                if status == 416:
                    return False
                self.judge_file(200 if status == 206 else status, headers, result)
                if status == 200:  # the whole file, whatever there is of it
                    part.seek(0)
                    part.truncate()
                    self.copy(chunks, part, until)
                    return True
                size, said = self.span(headers, have)
                if not size or (have and (said != total or headers.get("etag") != tag)):
                    return False
                self.copy(chunks, part, until, size)
            have, total, tag = have + size, said, headers.get("etag", "")
            if have < total and not STRONG.fullmatch(tag):
                return False
        return True

    def span(self, headers: dict[str, str], have: int) -> tuple[int, int]:
        """Return the sizes of the piece and of the file, or twice 0."""
        found = RANGE.fullmatch(headers.get("content-range", ""))
        first, last, total = map(int, found.groups()) if found else (0, -1, 0)
        right = first == have <= last < min(total, have + self.piece)
        return (last - first + 1, total) if right else (0, 0)

    def copy(
        self, chunks: Iterator[bytes], part: IO[bytes], until: float, size: int | None = None
    ) -> None:
        came = 0
        for chunk in chunks:
            came += len(chunk)
            if size is not None and came > size:
                raise BadAnswer("The piece is longer than its Content-Range.")
            part.write(chunk)
            if time.monotonic() > until:
                raise ConnectionLost(f"The file did not come in {self.timeout} s.")
        if size is not None and came < size:
            raise ConnectionLost(f"The piece lacks {size - came} bytes.")
