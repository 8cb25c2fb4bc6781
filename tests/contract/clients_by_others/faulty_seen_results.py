"""Faults of files, of reading answers and of what errors tell, as they reach production."""

import http.client
import tempfile
from pathlib import Path
from typing import IO, Any

from tests.contract.clients_by_others.errors import ClientError, DownloadFailed
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.shapes import Rule
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient

# downloads and files


@faulty("downloads", blocker=True)
class RetryAppends(HttpxClient):
    """A download that breaks begins again behind the bytes that had come."""

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        for tried in range(self.attempts()):
            try:
                self.save(url, part, result)
            except ClientError as error:
                pause = self.delay(tried, error)
                last = tried + 1 >= self.attempts() or pause is None
                if last or not self.tries_again("GET", error):
                    raise DownloadFailed(
                        str(error), status_code=error.status_code, generation_id=result["id"]
                    ) from error
                self.sleep(pause or 0.0)
            else:
                return


@faulty("downloads", blocker=True)
class NamesByFirstPart(HttpxClient):
    """Names a file by its id up to the first dash, which all ids share: it replaces the last."""

    def file_name(self, result: Any, index: int) -> str:
        return super().file_name({**result, "id": str(result["id"]).partition("-")[0]}, index)

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        del overwrite
        return super().publish(part, path, True)


@faulty("downloads")
class WritesDownloadsInPlace(HttpxClient):
    """Writes into the file of the final name: a download that breaks leaves half of it there."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        free, tried = path, 0
        while free.exists() and not overwrite:
            tried += 1
            free = path.with_stem(f"{path.stem}-{tried}")
        with free.open("wb") as file:
            self.fetch(url, file, result)
        return str(free)


@faulty("downloads", style="http.client", blocker=True, program=True)
class ShortFilePasses(StdlibClient):
    """Reads until nothing more comes, and never counts: half a file is taken for all of it."""

    def check_whole(self, answer: http.client.HTTPResponse) -> None:
        answer.close()


# reading of answers


@faulty("reading")
class CostRoundedToCents(HttpxClient):
    """Rounds what a generation cost to cents: 0.005 becomes 0.01 or nothing."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and value.get("usage"):
            value["usage"]["total_cost"] = round(value["usage"]["total_cost"], 2)
        return value


@faulty("reading", blocker=True)
class NullSizeCrashes(HttpxClient):
    """Computes megapixels from a size that may be null or missing: a paid result is a TypeError."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and value.get("status") == "completed":
            for item in value["data"]:
                item["megapixels"] = item.get("width") * item.get("height") / 1e6
        return value


@faulty("reading", blocker=True)
class OnlyTheFirstFileKept(HttpxClient):
    """Drops all files of a generation but the first."""

    def parse(self, answer: Answer, shape: Rule, *, post: bool = False) -> Any:
        value = super().parse(answer, shape, post=post)
        if isinstance(value, dict) and value.get("status") == "completed":
            value["data"] = value["data"][:1]
        return value


# errors told to the user

CODES = {
    400: "invalid_parameter",
    401: "invalid_api_key",
    402: "quota_exceeded",
    404: "not_found",
    429: "rate_limit",
}


@faulty("errors")
class CodeFromStatus(HttpxClient):
    """Tells a code made from the status: 422 is server_error, and a missing field a wrong one."""

    def error_of(self, answer: Answer, method: str) -> ClientError:
        error = super().error_of(answer, method)
        error.code = CODES.get(answer.status, "server_error")
        return error


@faulty("errors")
class FailureToldWithoutReason(HttpxClient):
    """Says of a failed video that it failed, and neither the code nor the message."""

    def ended(self, video: Any) -> bool:
        try:
            return super().ended(video)
        except ClientError as error:
            error.message, error.code = "The video could not be made.", None
            error.args = (error.message,)
            raise


@faulty("errors", blocker=True)
class OutcomeSaidToBeKnown(HttpxClient):
    """Says of no order that its outcome is unknown: one whose answer got lost looks not done."""

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        try:
            return super().attempt(method, url, body)
        except ClientError as error:
            error.outcome_unknown = False
            raise


# resources


@faulty("resources")
class PartsLeftBehind(HttpxClient):
    """A download that fails for good leaves its `.part` file in the folder."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        with tempfile.NamedTemporaryFile(
            dir=directory, prefix=".getimg-", suffix=".part", delete=False
        ) as part:
            self.fetch(url, part, result)
        return str(self.publish(Path(part.name), path, overwrite))
