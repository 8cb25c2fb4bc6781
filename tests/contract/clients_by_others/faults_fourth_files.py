"""Faults with files, with secrets beside them, and with what a client holds on to."""

import json
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

import httpx

from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
    WaitTimeout,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import EXTENSIONS
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered


class Resuming(HttpxClient):
    """Asks for the rest of a file whose transfer broke, and begins again when it gets all."""

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

    def restart(self, part: IO[bytes]) -> None:
        part.seek(0)
        part.truncate()

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        part.flush()
        held = os.fstat(part.fileno()).st_size
        rest = {"Range": f"bytes={held}-"} if held else {}
        opened = self.open("GET", url, None, {**self.download_headers(), **rest}, self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(200 if held and status == 206 else status, headers, result)
            if held and status == 200:
                self.restart(part)
            for chunk in chunks:
                part.write(chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", blocker=True)
class AppendsWholeToPart(Resuming):
    """Asks for the rest of a broken file, and appends a 200 as well: the head is there twice."""

    def restart(self, part: IO[bytes]) -> None:
        """Trust that every server answers a range with the range."""


@faulty("downloads", blocker=True)
class ResumesAnothersPart(Resuming):
    """Goes on with whatever part file is in the folder, although it may be another video's."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        url, path = self.link(result, index), Path(directory, self.file_name(result, index))
        part = Path(directory, "download.part")
        with part.open("ab") as file:
            self.fetch(url, file, result)
        return str(self.publish(part, path, overwrite))


@faulty("downloads", blocker=True)
class ShortensIdsLikeUuids(HttpxClient):
    """Names files by what is before the first dash of the id: all are `req`, the last one stays."""

    def file_name(self, result: Any, index: int) -> str:
        kind = str(result["data"][index]["mime_type"]).partition(";")[0].strip().lower()
        return f"{str(result['id']).partition('-')[0]}-{index}{EXTENSIONS.get(kind, '.bin')}"

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        return super().publish(part, path, overwrite=True)


@faulty("secrets", blocker=True)
class WritesKeyIntoSidecar(HttpxClient):
    """Saves what it asked for beside the file, with the headers, and so with the key."""

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        path = super().download(
            result=result, directory=directory, index=index, overwrite=overwrite
        )
        about = {"result": result, "headers": self.headers(b"")}
        Path(path).with_suffix(".json").write_text(json.dumps(about, default=str))
        return path


@faulty("secrets", blocker=True)
class OneKeyForAllClients(HttpxClient):
    """Keeps its headers in the class: the second client orders at the cost of the first's key."""

    shared: ClassVar[dict[str, str]] = {}

    def headers(self, body: bytes | None) -> dict[str, str]:
        mine = super().headers(body)
        self.shared.setdefault("Authorization", mine["Authorization"])
        return {**mine, **self.shared}


@faulty("resources")
class WatchersOutliveWaits(HttpxClient):
    """Polls in a thread that nobody stops: after a timeout it goes on for as long as it lives."""

    def watch(self, id: str, seen: "queue.Queue[Any]") -> None:
        began, over = time.monotonic(), False
        while not over:
            self.sleep(self.poll_interval)
            self.pace()
            try:
                video, _ = self.poll(id)
                over = self.ended(video)
                if over:
                    seen.put(video)
            except ClientError as error:
                over = not self.survivable(error, time.monotonic() - began)
                if over:
                    seen.put(error)

    def wait(self, id: str) -> Any:
        seen: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self.watch, args=(id, seen), daemon=True).start()
        until = time.monotonic() + self.wait_timeout
        while seen.empty():
            if time.monotonic() >= until:
                raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
            self.sleep(min(0.1, max(until - time.monotonic(), 0.0)))
        found = seen.get()
        if isinstance(found, ClientError):
            self.name(found, id)
            raise found
        return found


@faulty("resources")
class LeaksRefusedDownloads(HttpxClient):
    """Leaves the connection of a refused link open: after four of them, none is left."""

    def make_pool(self) -> httpx.Client:
        limits = httpx.Limits(max_connections=4)
        return httpx.Client(follow_redirects=False, trust_env=False, limits=limits)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            asked = self.http.build_request(
                method, url, content=body, headers=headers, timeout=timeout
            )
            answer = self.http.send(asked, stream=True)
            self.http.cookies.clear()
            yield answer.status_code, lowered(answer.headers), self.chunks(answer)
            answer.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
