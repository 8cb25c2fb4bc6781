"""Faults of downloads, secrets and resources."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import getimg
import httpx

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import BadAnswer, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("downloads", style="httpx", blocker=True)
class PicksFreeNameBeforeFetching(HttpxClient):
    """Looks for a free name before it fetches, and overwrites what got that name meanwhile."""

    def free(self, path: Path) -> Path:
        for tried in range(1000):
            free = path.with_stem(f"{path.stem}-{tried}") if tried else path
            if not free.exists():
                return free
        raise DownloadFailed(f"There are too many files like {path.name}.")

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        path = path if overwrite else self.free(path)
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            try:
                self.fetch(url, part, result)
                part.close()
                Path(part.name).replace(path)
            except BaseException:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise
        return str(path)


@faulty("downloads", style="sdk-async", blocker=True)
class UnlinksOldFileBeforeFetching(SdkAsyncClient):
    """Deletes the file that it shall overwrite before it fetches: a dead link leaves neither."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        if overwrite:
            self.link(result, index)
            Path(directory, self.file_name(result, index)).unlink(missing_ok=True)
        return await super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )


@faulty("downloads", style="requests", blocker=True, program=True)
class CopiesCodedBytesToDisk(StreamedRequestsClient):
    """Asks for files as gzip, as requests does by itself, and saves raw bytes: packed ones."""

    def download_headers(self) -> dict[str, str]:
        return {**super().download_headers(), "Accept-Encoding": "gzip, deflate"}

    def plain(self, headers: dict[str, str]) -> None:
        """Leave it to requests to unpack, which it does not do for `raw`."""


@faulty("secrets", style="sdk", blocker=True)
class CachesSdkByAddressAlone(SdkClient):
    """Shares the SDK among all clients of an address: the calls of one go with another's key."""

    made: ClassVar[dict[str, getimg.GetimgAI]] = {}

    def make_sdk(self) -> getimg.GetimgAI:
        if self.base_url not in self.made:
            self.made[self.base_url] = getimg.GetimgAI(
                base_url=self.base_url,
                api_key=self.secret.reveal(),
                http_client=httpx.Client(follow_redirects=False, trust_env=False),
            )
        return self.made[self.base_url].with_options(max_retries=0, timeout=self.timeout)


@faulty("secrets", style="urllib3", blocker=True, program=True)
class TrustsAnyPortOfTheHost(Urllib3Client):
    """Sends the key with files, too, if the host is the API's, whatever the port and scheme."""

    def ours(self, url: str) -> bool:
        return urlsplit(url).hostname == urlsplit(self.base_url).hostname

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        if self.ours(url):
            headers = {**headers, "Authorization": f"Bearer {self.secret.reveal()}"}
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened


@faulty("secrets", style="aiohttp", program=True)
class QuotesUnreadableAnswers(AiohttpClient):
    """Quotes an answer that is broken JSON in the error, and with it the signed link in it."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        try:
            self.unpack(answer.body)
        except (ValueError, RecursionError):
            quoted = answer.body[:1000].decode("utf-8", "replace")
            raise BadAnswer(
                f"The answer is not JSON: {quoted.replace(self.secret.reveal(), '***')}",
                status_code=answer.status,
                outcome_unknown=post,
            ) from None
        return super().parse(answer, shape, post=post)


@faulty("resources", style="httpx-async")
class KeepsPartsOfCancelledDownloads(HttpxAsyncClient):
    """Removes its half file at errors alone, so that each cancelled download leaves one behind."""

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
            except Exception:
                part.close()
                Path(part.name).unlink(missing_ok=True)
                raise


@faulty("resources", style="stdlib", program=True)
class StacksConnectionsUntilClose(StdlibClient):
    """Opens a connection for each request, and keeps them all open until the client is closed."""

    def prepare(self) -> None:
        self.stack = ExitStack()

    def close(self) -> None:
        self.stack.close()

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        line = self.connect(url, timeout)
        self.stack.callback(line.close)
        answer = self.ask(line, method, url, body, headers)
        got = {name.lower(): value for name, value in answer.getheaders()}
        self.plain(got)
        yield answer.status, got, self.chunks(answer)
