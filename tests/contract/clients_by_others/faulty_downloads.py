"""Faults of downloads and files."""

import tempfile
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.good_clients import HttpxAsync, HttpxPlain
from tests.contract.clients_by_others.registry import faulty

DOWNLOADS = "downloads"


@faulty(DOWNLOADS, blocker=True)
class AnyTwoHundredIsAFile(HttpxPlain):
    """Saves the body of any 2xx: a 204 or 202 becomes an empty or wrong picture."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(200 if 200 < status < 300 else status, headers, result)


@faulty(DOWNLOADS, blocker=True)
class StatusUnchecked(HttpxPlain):
    """Saves whatever the link answers: the JSON of a 403 has the name of a picture."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        """Take all."""


@faulty(DOWNLOADS, blocker=True)
class OnlyServerErrorsAreRefused(HttpxPlain):
    """Refuses statuses of 500 and more, and saves the JSON of 403 and 410."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        if status >= 500:
            super().judge_file(status, headers, result)


@faulty(DOWNLOADS)
class HtmlIsAFile(HttpxPlain):
    """Looks at the status alone: the 200 of a captive portal is saved as the picture."""

    def judge_file(self, status: int, headers: dict[str, str], result: Any) -> None:
        super().judge_file(status, {}, result)


@faulty(DOWNLOADS, blocker=True)
class WritesInPlace(HttpxPlain):
    """Writes under the final name from the first byte, and leaves the half of a lost download."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        path = Path(directory, self.file_name(result, index))
        with path.open("wb") as file:
            self.fetch(self.link(result, index), file, result)
        return str(path)


@faulty(DOWNLOADS, style="httpx-async", blocker=True)
class PartialFileAfterCancellation(HttpxAsync):
    """Removes the half file after its own errors, not when cancelled or out of time."""

    async def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        path = Path(directory, self.file_name(result, index))
        with path.open("wb") as file:
            try:
                await self.fetch(self.link(result, index), file, result)
            except ClientError as error:
                if "did not come in" not in str(error):
                    path.unlink()
                raise
        return str(path)


@faulty(DOWNLOADS, blocker=True)
class ShortFilesPass(HttpxPlain):
    """Takes a connection that ends early for the end of the file."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        try:
            super().save(url, part, result)
        except ConnectionLost:
            if not part.tell():
                raise


@faulty(DOWNLOADS, blocker=True)
class IdsAsFileNames(HttpxPlain):
    """Uses the id as it comes as the name of the file: `../../x` leaves the directory."""

    def file_name(self, result: Any, index: int) -> str:
        return f"{result['id']}-{index}{Path(super().file_name(result, index)).suffix}"

    def download(self, **rest: Any) -> str:
        name = Path(rest["directory"], self.file_name(rest["result"], rest.get("index", 0)))
        name.parent.mkdir(parents=True, exist_ok=True)
        return super().download(**rest)


@faulty(DOWNLOADS, blocker=True)
class ExtensionFromTheMediaType(HttpxPlain):
    """Takes the extension from the part after the slash of the media type, `x-sh` included."""

    def file_name(self, result: Any, index: int) -> str:
        kind = str(result["data"][index]["mime_type"]).rpartition("/")[2]
        return f"{Path(super().file_name(result, index)).stem}.{kind.split(';')[0]}"


@faulty(DOWNLOADS)
class WholeFileInMemory(HttpxPlain):
    """Reads the whole video into memory before it writes the first byte."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            part.write(b"".join(chunks))


@faulty(DOWNLOADS)
class OverwritesSilently(HttpxPlain):
    """Overwrites a file of the same name though nobody asked for that."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        return super().publish(part, path, overwrite=True)


@faulty(DOWNLOADS)
class TidiesLinks(HttpxPlain):
    """Decodes and sorts the query of signed links before it uses them."""

    def link(self, result: Any, index: int) -> str:
        parts = urlsplit(super().link(result, index))
        query = "&".join(sorted(unquote(parts.query).split("&")))
        return urlunsplit(parts._replace(query=query))


@faulty(DOWNLOADS, blocker=True)
class SendsTheKeyToLinks(HttpxPlain):
    """Sends its usual headers, and so the key, to the host of the link."""

    def download_headers(self) -> dict[str, str]:
        return {**self.headers(None), "Accept": "*/*"}


@faulty(DOWNLOADS, blocker=True)
class SendsTheKeyToItsOwnLinks(HttpxPlain):
    """Sends the key only where a first try without it was refused."""

    refused = False

    def download_headers(self) -> dict[str, str]:
        return {**super().download_headers(), **(self.headers(None) if self.refused else {})}

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        self.refused = False
        try:
            super().save(url, part, result)
        except DownloadFailed as error:
            if error.status_code not in {401, 403}:
                raise
            self.refused = True
            super().save(url, part, result)


@faulty(DOWNLOADS)
class ResumesWithoutValidator(HttpxPlain):
    """Resumes a lost download by Range alone and glues two versions of the file together."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        for _ in range(3):
            try:
                self.piece(url, part, result)
            except ConnectionLost:
                continue
            return
        raise DownloadFailed("The file did not come.")

    def piece(self, url: str, part: IO[bytes], result: Any) -> None:
        had = part.tell()
        asked = {**self.download_headers(), **({"Range": f"bytes={had}-"} if had else {})}
        with self.open("GET", url, None, asked, self.timeout) as (status, headers, chunks):
            self.judge_file(200 if had and status == 206 else status, headers, result)
            for chunk in chunks:
                part.write(chunk)


@faulty(DOWNLOADS)
class FollowsLinksAnywhere(HttpxPlain):
    """Follows redirects of downloads to any address, plain http and private networks included."""

    def make_pool(self) -> httpx.Client:
        return httpx.Client(follow_redirects=False, trust_env=False, max_redirects=5)

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        for _ in range(5):
            with self.http.stream("GET", url, timeout=self.timeout) as answer:
                where = answer.headers.get("location")
                if not answer.has_redirect_location or where is None:
                    break
                url = str(answer.url.join(where))
        super().save(url, part, result)


@faulty(DOWNLOADS)
class StallsForEver(HttpxPlain):
    """Downloads without any timeout, since videos are large."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        with self.http.stream("GET", url, headers=self.download_headers(), timeout=None) as answer:
            self.judge_file(answer.status_code, dict(answer.headers), result)
            for chunk in answer.iter_bytes():
                part.write(chunk)


@faulty(DOWNLOADS, blocker=True)
class OnlyTheFirstFile(HttpxPlain):
    """Downloads the first file whatever index is asked for, under the asked name."""

    def link(self, result: Any, index: int) -> str:
        return super().link(result, 0)


@faulty(DOWNLOADS)
class OnePartForAll(HttpxPlain):
    """Uses one fixed name for the part: a leftover or a second download spoils it."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        part = Path(directory, "download.part")
        with part.open("xb") as file:
            self.fetch(self.link(result, index), file, result)
        return str(self.publish(part, Path(directory, self.file_name(result, index)), overwrite))


@faulty(DOWNLOADS)
class MovesFromAnotherDisk(HttpxPlain):
    """Copies the finished file from the folder of temporary files without a rename in place."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        path = Path(directory, self.file_name(result, index))
        with tempfile.TemporaryFile() as part:
            self.fetch(self.link(result, index), part, result)
            part.seek(0)
            with path.open("wb") as file:
                file.writelines(part)
        return str(path)
