"""Good clients with choices of their own: resumed files, pools by loop, tags, frozen answers."""

import asyncio
import re
import time
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NoReturn

import httpx

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ClientError, ConnectionLost, DownloadFailed
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import Urllib3Client


@enlist("urllib3", program=True)
class Urllib3ResumesByValidator(Urllib3Client):
    """Fetches the rest of a broken file by Range and If-Range, if it had a strong ETag."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened

    def fetch(self, url: str, part: IO[bytes], result: Any) -> None:
        seen: dict[str, str] = {}
        for tried in range(self.attempts()):
            try:
                self.save_rest(url, part, result, seen)
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

    def save_rest(self, url: str, part: IO[bytes], result: Any, seen: dict[str, str]) -> None:
        until = time.monotonic() + self.timeout
        have, sent = (part.tell() if seen else 0), self.download_headers()
        if have:
            sent |= {"Range": f"bytes={have}-", "If-Range": seen["etag"]}
        with self.open("GET", url, None, sent, self.timeout) as (status, headers, chunks):
            resumed = have > 0 and status in {206, 416}
            if resumed:
                self.check_rest(status, headers, have, seen)
            self.judge_file(200 if resumed else status, headers, result)
            if not resumed:
                self.begin(part, headers, seen)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")

    def check_rest(
        self, status: int, headers: dict[str, str], have: int, seen: dict[str, str]
    ) -> None:
        """Refuse what is not the rest of the same file; the next try begins anew."""
        same = headers.get("etag", seen["etag"]) == seen["etag"]
        said = headers.get("content-range", "").strip()
        found = re.fullmatch(rf"bytes {have}-(\d{{1,18}})/(\d{{1,18}})", said, re.ASCII)
        to_the_end = found is not None and int(found[1]) + 1 == int(found[2])
        if status != 206 or not same or not to_the_end:
            seen.clear()
            raise ConnectionLost("The rest of the file cannot be had.")

    def begin(self, part: IO[bytes], headers: dict[str, str], seen: dict[str, str]) -> None:
        part.seek(0)
        part.truncate()
        seen.clear()
        if headers.get("etag", "").startswith('"'):
            seen["etag"] = headers["etag"]


@enlist("httpx-async")
class HttpxAsyncPoolPerLoop(HttpxAsyncClient):
    """Has a pool for each event loop, so that one client serves several loops and threads."""

    def prepare(self) -> None:
        self.pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient]
        self.pools = weakref.WeakKeyDictionary()

    @property
    def http(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        if loop not in self.pools:
            self.pools[loop] = self.make_pool()
        return self.pools[loop]

    async def aclose(self) -> None:
        pool = self.pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()


@enlist("requests", program=True)
class RequestsTagsEachTry(StreamedRequestsClient):
    """Sends a fresh X-Client-Request-Id with each try, for whoever compares logs with a proxy."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        tag = str(uuid.uuid4())
        LOG.debug("a try with the tag %s", tag)
        return {**super().headers(body), "X-Client-Request-Id": tag}


class Frozen(dict[str, Any]):
    """An object of the API that nobody changes by accident; copies of it are plain."""

    def refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("An answer is not changed; copy it.")

    __setitem__ = __delitem__ = __ior__ = refuse
    clear = pop = popitem = setdefault = update = refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return Frozen({name: frozen(item) for name, item in value.items()})
    return [frozen(item) for item in value] if isinstance(value, list) else value


@enlist("sdk")
class SdkFrozenAnswers(SdkClient):
    """The official SDK; objects in its answers refuse to be changed."""

    def unpack(self, body: bytes) -> Any:
        return frozen(super().unpack(body))
