"""Faults of downloads, secrets and resources."""

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import getimg
import requests
from yarl import URL

from tests.contract.clients_by_others.async_flow import Opened as AsyncOpened
from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import MEBIBYTE, Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("downloads", style="httpx-async", blocker=True)
class ShortensIdsToSameName(HttpxAsyncClient):
    """Names files by the first eight signs of the id: overwrite=True kills another job's file."""

    def file_name(self, result: Any, index: int) -> str:
        return super().file_name({**result, "id": str(result["id"])[:8]}, index)


@faulty("downloads", style="aiohttp", program=True)
class RequotesSignedLinks(AiohttpClient):
    """Has yarl quote signed links anew, so that the server gets another query than it signed."""

    def open(  # type: ignore[override]
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> AbstractAsyncContextManager[AsyncOpened]:
        asked = url if "Authorization" in headers else str(URL(url))
        return super().open(method, asked, body, headers, timeout)


@faulty("downloads", style="urllib3", program=True)
class LeavesEmptyFileOfFailure(Urllib3Client):
    """Reserves a file's name by an empty file, and leaves that there when the download fails."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def reserve(self, path: Path) -> Path:
        for tried in range(1000):
            free = path.with_stem(f"{path.stem}-{tried}") if tried else path
            try:
                free.touch(exist_ok=False)
            except FileExistsError:
                continue
            return free
        raise DownloadFailed(f"There are too many files like {path.name}.")

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        if overwrite:
            return super().download(result=result, directory=directory, index=index, overwrite=True)
        self.link(result, index)
        mine = self.reserve(Path(directory, self.file_name(result, index)))
        part = super().download(result=result, directory=directory, index=index)
        Path(part).replace(mine)
        return str(mine)


@faulty("secrets", blocker=True)
class TriesKeyInQuery(HttpxClient):
    """Tries again after a 401 with the key in the query, where logs of servers keep it."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ApiError as error:
            if error.status_code != 401:
                raise
        mark = "&" if "?" in url else "?"
        told = f"{url}{mark}api_key={quote(self.secret.reveal(), safe='')}"
        return super().attempt(method, told, body)


@faulty("secrets", style="requests", program=True)
class YieldsKeyToNetrc(StreamedRequestsClient):
    """Lets requests read .netrc: the host's password there is sent in place of the caller's key."""

    def session(self) -> requests.Session:
        session = super().session()
        session.trust_env = True
        session.proxies["no_proxy"] = "*"
        return session


@faulty("secrets")
class QuotesInputInShapeErrors(HttpxClient):
    """Quotes the input in an error of validation, as pydantic does, and with it the signed link."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        try:
            return super().parse(answer, shape, post=post)
        except BadAnswer as error:
            shown = answer.body[:600].decode("utf-8", "replace")
            error.message += f" [type=value_error, input_value={shown}]"
            raise


@faulty("resources", style="sdk")
class KeepsSdkOfEndedThreads(SdkClient):
    """Keeps an SDK, and its open connection, for each thread that ever made a call."""

    def prepare(self) -> None:
        self.sdks: dict[tuple[int, threading.Thread], getimg.GetimgAI] = {}

    def make_sdk(self) -> getimg.GetimgAI:
        me = (os.getpid(), threading.current_thread())
        if me not in self.sdks:
            self.sdks[me] = getimg.GetimgAI(
                base_url=self.base_url,
                api_key=self.secret.reveal(),
                max_retries=0,
                timeout=self.timeout,
                http_client=self.make_pool(),
            )
        return self.sdks[me]

    def close(self) -> None:
        for sdk in self.sdks.values():
            sdk.close()
        super().close()


@faulty("resources", style="threads")
class AbandonsReadersAtTimeout(HttpxClient):
    """Reads in threads that it leaves at the timeout: a dripping answer holds thread and socket."""

    def read(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        with self.open(method, url, body, headers, self.timeout) as (status, got, chunks):
            read = bytearray()
            for chunk in chunks:
                read += chunk
                if len(read) > 16 * MEBIBYTE:
                    raise BadAnswer("The answer is larger than any of the API.")
        return Answer(status, got, bytes(read))

    def exchange(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        out: list[Answer] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                out.append(self.read(method, url, body, headers))
            except BaseException as error:
                failed.append(error)

        reader = threading.Thread(target=run, name="getimg-reader", daemon=True)
        reader.start()
        reader.join(self.timeout)
        if failed:
            raise failed[0]
        if not out:
            raise ConnectionLost(f"No whole answer in {self.timeout} s.")
        return out[0]
