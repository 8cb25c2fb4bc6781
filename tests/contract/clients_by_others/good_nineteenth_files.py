"""Good clients with unusual ways of naming, keeping and fetching; each of them is legal."""

import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import aiohttp
import httpx

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered


@enlist("stdlib", program=True)
class StdlibNamelessParts(StdlibClient):
    """http.client; a file has no name until it is whole, so that a kill leaves nothing behind."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        try:
            handle = os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o600)
        except OSError:  # not every file system can do that
            return super().download(
                result=result, directory=directory, index=index, overwrite=overwrite
            )
        with open(handle, "w+b") as part:  # noqa: PTH123 - a descriptor
            self.fetch(url, part, result)
            part.flush()
            return str(self.christen(part, path, overwrite))

    def christen(self, part: IO[bytes], path: Path, overwrite: bool) -> Path:
        first = path.with_name(f".getimg-{secrets.token_hex(8)}.part")
        number = part.fileno()  # with a folder's number, linkat follows the link in /proc
        os.link(f"/proc/self/fd/{number}", first, src_dir_fd=number, follow_symlinks=True)
        try:
            return self.publish(first, path, overwrite)
        except BaseException:
            first.unlink(missing_ok=True)
            raise


def usual_mode() -> int:
    """Return the mode that the process gives new files; the mask is read, not set."""
    try:
        said = re.search(
            r"^Umask:\s*([0-7]+)$", Path("/proc/self/status").read_text(), re.MULTILINE
        )
    except OSError:
        said = None
    return 0o666 & ~int(said.group(1), 8) if said else 0o600


@enlist("requests", program=True)
class RequestsUsualModes(StreamedRequestsClient):
    """requests; gives files the mode that the process's mask allows, not that of temporary ones."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        part.chmod(usual_mode())
        return super().publish(part, path, overwrite)


@enlist("aiohttp", program=True)
class AiohttpNoCaches(AiohttpClient):
    """aiohttp; tells caches on the way, by Cache-Control, not to answer its reads from memory."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        return sent if body is not None else {**sent, "Cache-Control": "no-cache"}

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


@enlist("httpx-async")
class HttpxAsyncFilePool(HttpxAsyncClient):
    """Fetches files over connections of their own, none of which has ever carried the key."""

    def prepare(self) -> None:
        self.files: httpx.AsyncClient | None = None

    @asynccontextmanager
    async def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AsyncIterator[AsyncOpened]:
        if "Authorization" in headers:
            async with super().open(method, url, body, headers, timeout) as opened:
                yield opened
            return
        if self.files is None:
            self.files = self.make_pool()
        try:
            async with self.files.stream(method, url, headers=headers, timeout=timeout) as answer:
                self.files.cookies.clear()
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None

    async def aclose(self) -> None:
        await super().aclose()
        if self.files is not None:
            await self.files.aclose()


@enlist("httpx")
class HttpxAsksForEnglish(HttpxClient):
    """Asks for messages in English by Accept-Language; files are fetched without that."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), "Accept-Language": "en"}


@enlist("sdk")
class SdkNamesFilesByDay(SdkClient):
    """The official SDK; a file's name begins with the day on which the service deletes it."""

    def file_name(self, result: Any, index: int) -> str:
        day = re.sub(r"[^0-9]", "", str(result["data"][index]["deletes_at"])[:10])
        return f"{day or 'undated'}-{super().file_name(result, index)}"
