"""A blocking transport of the standard library alone: http.client, a connection a request."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.contract.clients_by_others.errors import ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.sync_flow import Opened, SyncFlow


class StdlibClient(SyncFlow):
    """http.client: no pool, no redirects, no cookies, no proxies."""

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
        super().__init__(
            base_url=base_url,
            key=key,
            timeout=timeout,
            max_retries=max_retries,
            wait_timeout=wait_timeout,
            poll_interval=poll_interval,
        )

    def connect(self, url: str, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        secure = parts.scheme.lower() == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        try:
            line = kind(parts.hostname or "", parts.port, timeout=timeout)
            line.connect()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        return line

    def check_whole(self, answer: http.client.HTTPResponse) -> None:
        """Refuse a body that ended before its length; read1 does not."""
        if answer.length:
            raise ConnectionLost(f"The answer lacks {answer.length} bytes.")

    def chunks(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            while piece := answer.read1(65536):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionLost(f"The answer broke: {type(error).__name__}") from None
        self.check_whole(answer)

    def ask(
        self, line: http.client.HTTPConnection, method: str, url: str, *sent: Any
    ) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            line.request(method, target, *sent)
            return line.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        line = self.connect(url, timeout)
        try:
            answer = self.ask(line, method, url, body, headers)
            got = {name.lower(): value for name, value in answer.getheaders()}
            self.plain(got)
            yield answer.status, got, self.chunks(answer)
        finally:
            line.close()
