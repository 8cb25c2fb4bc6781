"""Faults of downloads, secrets and resources, found in other people's code reviews."""

import os
import tempfile
from pathlib import Path
from typing import IO, Any, ClassVar

import requests

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient


@faulty("downloads", blocker=True)
class TruncatesWithoutRewinding(HttpxClient):
    """Empties a half file before the next try but does not seek: the whole begins with zeros."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                self.save(url, part, result)
            except ClientError as error:
                if tried + 1 >= self.attempts() or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                pause = self.delay(tried, error)
                if pause is None:
                    raise
                part.truncate(0)
                self.sleep(pause)
            else:
                return


@faulty("downloads", style="aiohttp", blocker=True, program=True)
class NeedsContentLength(AiohttpClient):
    """Dies of a KeyError at a file that comes in chunks, as its answer has no Content-Length."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(status, headers, result)
        size = int(headers["content-length"])
        LOG.info("the file of %s has %.1f MiB", result["id"], size / 1024**2)


@faulty("downloads", style="stdlib", blocker=True, program=True)
class NamesFilesByIdPrefix(StdlibClient):
    """Names files by the first ten signs of the id: results of the same hour replace each other."""

    def file_name(self, result: Any, index: int) -> str:
        short = {**result, "id": str(result["id"])[:10]}
        return super().file_name(short, index)


@faulty("secrets", blocker=True)
class SharesHeadersAmongClients(HttpxClient):
    """Keeps its headers on the class: a client orders with the key of the one made last."""

    common: ClassVar[dict[str, str]] = {}

    def prepare(self) -> None:
        self.common["Authorization"] = f"Bearer {self.secret.reveal()}"

    def headers(self, body: bytes | None) -> dict[str, str]:
        return {**super().headers(body), **self.common}


@faulty("secrets", style="requests", program=True)
class SendsNetrcForKey(StreamedRequestsClient):
    """Leaves trust_env on: a password in .netrc replaces the key, and goes out with files too."""

    def session(self) -> requests.Session:
        session = super().session()
        session.trust_env = True
        return session


@faulty("secrets", style="sdk-async")
class LogsLinkAtEachRetry(SdkAsyncClient):
    """Writes the signed link into the log, as a warning, at each try of a download that fails."""

    async def save(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            await super().save(url, part, result)
        except ClientError as error:
            LOG.warning("could not fetch %s: %s", url, error)
            raise


@faulty("resources", style="httpx-async")
class LeavesPartOfCancelledFile(HttpxAsyncClient):
    """Removes its half file after an Exception, which CancelledError is not: it stays for good."""

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


@faulty("resources", style="sdk")
class KeepsFolderHandlesOpen(SdkClient):
    """Opens the folder to have the disk confirm a file's name, and never closes it again."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        published = super().publish(part, path, overwrite)
        folder = os.open(published.parent, os.O_RDONLY)
        os.fsync(folder)
        return published
