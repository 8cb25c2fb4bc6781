"""Good clients in other styles: each makes a choice of its own, and each choice is legal."""

import math
import os
import socket
import time
from pathlib import Path
from typing import Any

import aiohttp
import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import ClientError, WaitTimeout
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkAsyncClient
from tests.contract.clients_by_others.stdlib_transport import StdlibClient
from tests.contract.clients_by_others.sync_transports import HttpxClient, Urllib3Client


def awake_and_asleep() -> float:
    """Return seconds that count while the machine is suspended, too."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


@enlist("httpx")
class HttpxCountsSuspendedTime(HttpxClient):
    """Counts the time for which the machine was suspended as part of a wait's time."""

    def wait(self, id: str) -> Any:
        began = awake_and_asleep()
        pause = 0.0 if self.polls_at_once else self.poll_interval
        try:
            while True:
                left = began + self.wait_timeout - awake_and_asleep()
                self.sleep(max(min(pause, left), 0))
                if pause >= left:
                    raise WaitTimeout(f"Video {id} is still pending.", generation_id=id)
                self.pace()
                pause = self.poll_interval
                try:
                    video, told = self.poll(id)
                except ClientError as error:
                    if not self.survivable(error, awake_and_asleep() - began):
                        raise
                    told = self.told(error.headers) or 0.0
                else:
                    if self.ended(video):
                        return video
                pause = max(pause, told)
        except BaseException as error:
            self.name(error, id)
            raise


class ProbingAdapter(HTTPAdapter):
    """Has the system probe connections that are silent."""

    def init_poolmanager(self, *sizes: Any, **options: Any) -> None:
        probing = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        options["socket_options"] = [*HTTPConnection.default_socket_options, probing]
        super().init_poolmanager(*sizes, **options)


@enlist("requests", program=True)
class RequestsProbesSilentLines(StreamedRequestsClient):
    """requests; turns TCP's keep-alive on, so that no gateway drops a line that waits silently."""

    def session(self) -> requests.Session:
        session = super().session()
        if not isinstance(session.get_adapter("http://"), ProbingAdapter):
            for scheme in ("http://", "https://"):
                session.mount(scheme, ProbingAdapter())
        return session


@enlist("urllib3", program=True)
class Urllib3ReadsKeyFromFile(Urllib3Client):
    """urllib3; without a key it reads the file that GETIMG_API_KEY_FILE names, as in containers."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        key: str | None = None,
        timeout: float = 120.0,
        max_retries: int = 3,
        wait_timeout: float = 900.0,
        poll_interval: float = 5.0,
    ) -> None:
        file = os.environ.get("GETIMG_API_KEY_FILE")
        if not key and file and not os.environ.get("GETIMG_API_KEY"):
            key = Path(file).read_text(encoding="ascii").strip()
        super().__init__(
            base_url=base_url,
            key=key,
            timeout=timeout,
            max_retries=max_retries,
            wait_timeout=wait_timeout,
            poll_interval=poll_interval,
        )


@enlist("aiohttp", program=True)
class AiohttpResolvesNamesAnew(AiohttpClient):
    """aiohttp; remembers no address, so that each new connection goes where the name then leads."""

    def make_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(use_dns_cache=False),
        )

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@enlist("sdk-async")
class SdkAsyncPausesWholeSeconds(SdkAsyncClient):
    """The asynchronous SDK; rounds each pause between tries up to whole seconds."""

    def delay(self, attempt: int, error: ClientError) -> float | None:
        pause = super().delay(attempt, error)
        return None if pause is None else float(math.ceil(pause))


@enlist("stdlib", program=True)
class StdlibTellsHowOftenItLooked(StdlibClient):
    """http.client; notes on the error of a wait how many polls it has sent for the video."""

    def prepare(self) -> None:
        self.looks: dict[str, int] = {}

    def poll(self, id: str) -> tuple[Any, float]:
        with self.lock:
            self.looks[id] = self.looks.get(id, 0) + 1
        return super().poll(id)

    def name(self, error: BaseException, id: str) -> None:
        super().name(error, id)
        with self.lock:
            error.add_note(f"polls: {self.looks.get(id, 0)}")

    def wait(self, id: str) -> Any:
        try:
            return super().wait(id)
        finally:
            with self.lock:
                self.looks.pop(id, None)
