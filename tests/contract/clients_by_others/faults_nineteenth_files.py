"""Faults of downloads, secrets and resources that come from the system around a client."""

import atexit
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from tests.contract.clients_by_others.async_transports import HttpxAsyncClient
from tests.contract.clients_by_others.errors import ConnectionLost
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.rules import LOG
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient, SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


@faulty("downloads", style="sdk", blocker=True)
class ProbesLinksByHead(SdkClient):
    """Asks by HEAD first, and takes a link that is signed for GET alone (403, 405) for dead."""

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        probe = self.open("HEAD", url, None, self.download_headers(), self.timeout)
        with probe as (status, headers, _):
            self.judge_file(status, headers, result)
        super().save(url, part, result)


@faulty("downloads", blocker=True)
class PassesOverFullDisk(HttpxClient):
    """Logs what the disk does not take, goes on, and hands out the cut file as a whole one."""

    def keep(self, part: IO[bytes], chunk: bytes) -> None:
        try:
            os.write(part.fileno(), chunk)
        except OSError as error:
            LOG.warning("could not write %s bytes: %s", len(chunk), error.strerror)

    def save(self, url: str, part: IO[bytes], result: Any) -> None:
        until = time.monotonic() + self.timeout
        opened = self.open("GET", url, None, self.download_headers(), self.timeout)
        with opened as (status, headers, chunks):
            self.judge_file(status, headers, result)
            for chunk in chunks:
                self.keep(part, chunk)
                if time.monotonic() > until:
                    raise ConnectionLost(f"The file did not come in {self.timeout} s.")


@faulty("downloads", style="httpx-async")
class NamesFilesByWholePrompt(HttpxAsyncClient):
    """Begins a file's name with the prompt, uncut: a long one is more than any disk lets pass."""

    remembered = 1000

    def prepare(self) -> None:
        self.prompts: dict[str, str] = {}

    def remember(self, id: str, fields: dict[str, Any]) -> None:
        slug = re.sub(r"[^a-z0-9]+", "-", str(fields.get("prompt", "")).lower()).strip("-")
        self.prompts[id] = slug
        while len(self.prompts) > self.remembered:
            self.prompts.pop(next(iter(self.prompts)))

    async def generate_image(self, **fields: Any) -> Any:
        result = await super().generate_image(**fields)
        self.remember(result["id"], fields)
        return result

    async def submit_video(self, **fields: Any) -> Any:
        accepted = await super().submit_video(**fields)
        self.remember(accepted["id"], fields)
        return accepted

    def file_name(self, result: Any, index: int) -> str:
        slug = self.prompts.get(result["id"])
        name = super().file_name(result, index)
        return f"{slug}-{name}" if slug else name


@faulty("secrets", style="sdk-async", blocker=True)
class PutsKeyIntoEnvironment(SdkAsyncClient):
    """Puts its key into os.environ for the SDK: each child process and keyless client has it."""

    def prepare(self) -> None:
        os.environ["GETIMG_API_KEY"] = self.secret.reveal()


@faulty("secrets", blocker=True)
class SendsCookiesToAllHosts(HttpxClient):
    """Keeps cookies without their host: what the API's gateway set goes to each host of a link."""

    kept = 20

    def prepare(self) -> None:
        self.jar: dict[str, str] = {}

    def remember(self, said: str) -> None:
        name, equals, value = said.partition(";")[0].strip().partition("=")
        if name and equals and len(self.jar) < self.kept:
            self.jar[name] = value

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        cookies = "; ".join(f"{name}={value}" for name, value in dict(self.jar).items())
        sent = {**headers, "Cookie": cookies} if cookies else headers
        with super().open(method, url, body, sent, timeout) as opened:
            self.remember(opened[1].get("set-cookie", ""))
            yield opened


@faulty("resources", style="urllib3", blocker=True, program=True)
class JanitorKeepsProcessAlive(Urllib3Client):
    """Starts a thread, no daemon, that tidies its pool for ever: no program ends by itself."""

    tidied_every = 30.0

    def prepare(self) -> None:
        self.janitor: threading.Thread | None = None
        self.janitor_lock = threading.Lock()

    def tidy(self) -> None:
        while True:
            time.sleep(self.tidied_every)
            self.manager.clear()

    def begin(self) -> None:
        with self.janitor_lock:
            if self.janitor is None:
                self.janitor = threading.Thread(target=self.tidy, name="getimg-janitor")
                self.janitor.start()

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        self.begin()
        with super().open(method, url, body, headers, timeout) as opened:
            self.plain(opened[1])
            yield opened


@faulty("resources")
class KeepsDroppedClientsForExit(HttpxClient):
    """Has atexit close it, so that a client that is dropped lives on, with its open connections."""

    def prepare(self) -> None:
        atexit.register(self.close)
