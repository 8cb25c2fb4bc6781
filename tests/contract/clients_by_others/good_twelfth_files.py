"""Good clients of the twelfth author: each makes an unusual choice that is legal."""

import hashlib
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.contract.clients_by_others.async_transports import AiohttpClient, HttpxAsyncClient
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_flow import Opened


@enlist("aiohttp", program=True)
class AiohttpHashedNames(AiohttpClient):
    """Puts a short hash of a file's bytes into its name, so that the name tells what is in it."""

    def publish(self, part: Path, path: Path, overwrite: bool) -> Path:
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:12]
        return super().publish(part, path.with_stem(f"{path.stem}-{digest}"), overwrite)

    async def aclose(self) -> None:
        if self.session is not None:
            await self.session.close()
            self.session = None


@enlist("requests", program=True)
class RequestsSessionPerRequest(StreamedRequestsClient):
    """Makes a session for each request, and closes it with the answer: nothing is kept alive."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        with requests.Session() as session:
            session.trust_env = False
            self.threads.session = session
            try:
                with super().open(method, url, body, headers, timeout) as opened:
                    yield opened
            finally:
                del self.threads.session


@enlist("httpx-async")
class HttpxAsyncTracesTries(HttpxAsyncClient):
    """Sends a traceparent of the W3C, new for each try, with the API's calls and no download."""

    def headers(self, body: bytes | None) -> dict[str, str]:
        trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        return {**super().headers(body), "traceparent": trace}


@enlist("sdk")
class SdkJittersPolls(SdkClient):
    """Polls up to a fifth later than the interval, by chance, so that no two waits keep step."""

    def poll(self, id: str) -> tuple[Any, float]:
        video, told = super().poll(id)
        return video, max(told, self.poll_interval * random.uniform(1.0, 1.2))
