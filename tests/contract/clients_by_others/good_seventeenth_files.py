"""Good clients with habits of their own: resumed files, digests as names, plain text, jitter."""

import hashlib
import json
import random
import re
import threading
import time
from pathlib import Path
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient


@enlist("requests", program=True)
class RequestsResumesByTag(StreamedRequestsClient):
    """Asks for the rest of a broken file by Range and If-Range, and begins anew at any doubt."""

    def prepare(self) -> None:
        self.here = threading.local()

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        self.here.tag = ""
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
                self.sleep(pause)
            else:
                return

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        sent, have = self.download_headers(), part.tell()
        resumes = have > 0 and bool(self.here.tag)
        if resumes:
            sent.update({"Range": f"bytes={have}-", "If-Range": self.here.tag})
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            if resumes and status in {206, 416}:
                self.check_rest(status, headers, have)
            else:
                self.judge_file(status, headers, result)
                self.begin(part, headers)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")

    def begin(self, part: IO[bytes], headers: dict[str, str]) -> None:
        """Forget what came before, and keep the tag of what comes now, if it is a strong one."""
        part.seek(0)
        part.truncate()
        tag = headers.get("etag", "")
        self.here.tag = tag if tag.startswith('"') else ""

    def check_rest(self, status: int, headers: dict[str, str], have: int) -> None:
        said = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", headers.get("content-range", ""))
        same = headers.get("etag", self.here.tag) == self.here.tag
        if status == 206 and same and said:
            first, last, total = (int(digits) for digits in said.groups())
            if first == have and last + 1 == total:
                return
        self.here.tag = ""
        raise ConnectionLost("The answer is not the rest of the file.")


@enlist("sdk")
class SdkNamesFilesByDigest(SdkClient):
    """Names a file by the SHA-256 of its bytes, so that the name says whether it is still whole."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        with part.open("rb") as whole:
            digest = hashlib.file_digest(whole, "sha256").hexdigest()
        return super().publish(part, path.with_stem(digest[:40]), overwrite)


@enlist("stdlib", program=True)
class StdlibPlainText(StdlibClient):
    """Sends its JSON as short as can be, with sorted keys, and letters of any script as UTF-8."""

    def body(self, fields: dict[str, Any]) -> bytes:
        kept = {name: value for name, value in fields.items() if value is not None}
        text = json.dumps(
            kept, allow_nan=False, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        )
        try:
            return text.encode()
        except UnicodeEncodeError:  # half a surrogate pair can only be sent as an escape
            return super().body(fields)


@enlist("httpx-async")
class HttpxAsyncJittersPolls(HttpxAsyncClient):
    """Waits up to a quarter longer than the interval between polls, so that waits fall apart."""

    @property
    def poll_interval(self) -> float:
        return self.interval * random.uniform(1.0, 1.25)

    @poll_interval.setter
    def poll_interval(self, seconds: float) -> None:
        self.interval = seconds
