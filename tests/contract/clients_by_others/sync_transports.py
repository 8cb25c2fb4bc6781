"""Blocking transports: httpx, requests and urllib3."""

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import requests
import urllib3

from tests.contract.clients_by_others.errors import ConnectionFailed, ConnectionLost
from tests.contract.clients_by_others.sync_flow import Opened, SyncFlow

for chatty in ("httpx", "httpcore", "urllib3"):
    logging.getLogger(chatty).setLevel(logging.WARNING)  # they log signed links


def lowered(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def pieces(answer: Any) -> Iterator[bytes]:
    """Read what has come, without waiting for more."""
    while piece := answer.read1(65536, decode_content=False):
        yield piece


class HttpxClient(SyncFlow):
    """httpx, a pool per process, no redirects, no proxies of the environment."""

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
        self.pool: httpx.Client | None = None
        self.process = 0
        self.pool_lock = threading.Lock()

    def make_pool(self) -> httpx.Client:
        return httpx.Client(follow_redirects=False, trust_env=False)

    @property
    def http(self) -> httpx.Client:
        with self.pool_lock:
            if self.pool is None or self.process != os.getpid():
                self.pool, self.process = self.make_pool(), os.getpid()
            return self.pool

    def close(self) -> None:
        if self.pool is not None:
            self.pool.close()

    def chunks(self, answer: httpx.Response) -> Iterator[bytes]:
        self.plain(lowered(answer.headers))
        yield from answer.iter_raw()

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with self.http.stream(
                method, url, content=body, headers=headers, timeout=timeout
            ) as answer:
                self.http.cookies.clear()
                yield answer.status_code, lowered(answer.headers), self.chunks(answer)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


class RequestsClient(SyncFlow):
    """requests, one session a thread."""

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
        self.threads = threading.local()

    def session(self) -> requests.Session:
        found = getattr(self.threads, "session", None)
        if found is None:
            found = self.threads.session = requests.Session()
            found.trust_env = False
        return found

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        session = self.session()
        try:
            ready = session.prepare_request(requests.Request(method, url, headers, data=body))
            ready.url = url
            with session.send(ready, timeout=timeout, stream=True, allow_redirects=False) as answer:
                session.cookies.clear()
                yield answer.status_code, lowered(answer.headers), pieces(answer.raw)
        except (requests.exceptions.ConnectTimeout, requests.exceptions.InvalidURL) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except requests.exceptions.ConnectionError as error:
            refused = "NewConnectionError" in repr(error) or "NameResolution" in repr(error)
            kind = ConnectionFailed if refused else ConnectionLost
            raise kind("The connection failed.") from None
        except requests.exceptions.RequestException as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


class Urllib3Client(SyncFlow):
    """urllib3 with its own retries off."""

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
        self.manager = urllib3.PoolManager(maxsize=8)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            answer = self.manager.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(total=timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            whole = False
            try:
                yield answer.status, lowered(answer.headers), pieces(answer)
                whole = True
            finally:
                if not whole:
                    answer.close()
                answer.release_conn()
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
            raise ConnectionFailed("No connection.") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
