"""Good blocking clients in more styles: the standard library, adapters, a pool for each host."""

import email.utils
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from tests.contract.clients_by_others.errors import (
    ClientError,
    ConnectionFailed,
    ConnectionLost,
)
from tests.contract.clients_by_others.registry import enlist
from tests.contract.clients_by_others.sync_flow import Opened, SyncFlow
from tests.contract.clients_by_others.sync_transports import HttpxClient, lowered, pieces

Found = TypeVar("Found")


def counted(answer: Any) -> Iterator[bytes]:
    """Read what has come, and miss what was promised."""
    while piece := answer.read1(65536):
        yield piece
    if answer.length:
        raise ConnectionLost(f"{answer.length} bytes of the answer did not come.")


@enlist("http-client", program=True)
class PlainHttpClient(SyncFlow):
    """http.client of the standard library, a connection for each request."""

    def dial(self, url: str, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        kinds: dict[str, type[http.client.HTTPConnection]] = {
            "http": http.client.HTTPConnection,
            "https": http.client.HTTPSConnection,
        }
        try:
            line = kinds[parts.scheme](parts.hostname or "", parts.port, timeout=timeout)
            line.connect()
        except (KeyError, OSError, ValueError, http.client.HTTPException) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        return line

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        parts = urlsplit(url)
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        line = self.dial(url, timeout)
        try:
            line.request(method, target, body, {**headers, "Connection": "close"})
            answer = line.getresponse()
            got = lowered(answer.headers)
            self.plain(got)
            yield answer.status, got, counted(answer)
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
        finally:
            line.close()


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the answer."""

    def redirect_request(self, *_args: Any) -> None:
        return None


@enlist("urllib", program=True)
class UrllibByServerClock(SyncFlow):
    """urllib.request; a date in Retry-After is read by the server's clock, not by its own."""

    def prepare(self) -> None:
        unproxied = urllib.request.ProxyHandler({})
        self.opener = urllib.request.build_opener(unproxied, NoRedirects())

    def told(self, headers: dict[str, str]) -> float | None:
        try:
            until = email.utils.parsedate_to_datetime(headers["retry-after"])
            now = email.utils.parsedate_to_datetime(headers["date"])
            return max((until - now).total_seconds(), 0.0) + 1
        except (KeyError, ValueError, TypeError, OverflowError):
            return super().told(headers)

    def send(self, asked: urllib.request.Request, timeout: float) -> Any:
        try:
            return self.opener.open(asked, timeout=timeout)
        except urllib.error.HTTPError as refused:
            return refused
        except urllib.error.URLError as error:
            early = isinstance(error.reason, (ConnectionRefusedError, OSError))
            early = early and not isinstance(error.reason, (TimeoutError, ConnectionResetError))
            early = early and not isinstance(error.reason, BrokenPipeError)
            kind = ConnectionFailed if early else ConnectionLost
            raise kind(f"No answer: {type(error.reason).__name__}") from None

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            # `link` lets http and https pass alone.
            asked = urllib.request.Request(url, body, headers, method=method)  # noqa: S310
            with self.send(asked, timeout) as answer:
                got = lowered(answer.headers)
                self.plain(got)
                yield answer.status, got, counted(answer)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


class BoundAdapter(HTTPAdapter):
    """Sends with a timeout whether or not one was asked for, and never by itself again."""

    def __init__(self, timeout: float) -> None:
        self.longest = timeout
        super().__init__(pool_maxsize=8, max_retries=urllib3.Retry(0, read=False))

    def send(self, request: Any, *args: Any, **options: Any) -> requests.Response:
        options["timeout"] = options.get("timeout") or self.longest
        return super().send(request, *args, **options)


class KeyForOneHost(requests.auth.AuthBase):
    """Gives the key to requests that have the mark of an API call, and to no others."""

    def __init__(self, reveal: Callable[[], str]) -> None:
        self.reveal = reveal

    def __call__(self, ready: Any) -> Any:
        if ready.headers.get("Accept") == "application/json":
            ready.headers["Authorization"] = f"Bearer {self.reveal()}"
        return ready


@enlist("requests", program=True)
class RequestsMounted(SyncFlow):
    """A requests session with an adapter that bounds time, and an auth object that has the key."""

    def prepare(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.auth = KeyForOneHost(self.secret.reveal)
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, BoundAdapter(self.timeout))

    def headers(self, body: bytes | None) -> dict[str, str]:
        sent = super().headers(body)
        del sent["Authorization"]
        return sent

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with self.session.request(
                method, url, data=body, headers=headers, stream=True, allow_redirects=False
            ) as answer:
                self.session.cookies.clear()
                self.plain(lowered(answer.headers))
                yield answer.status_code, lowered(answer.headers), pieces(answer.raw)
        except requests.exceptions.ConnectTimeout:
            raise ConnectionFailed("No connection in time.") from None
        except requests.exceptions.ConnectionError as error:
            refused = "NewConnectionError" in repr(error) or "NameResolution" in repr(error)
            kind = ConnectionFailed if refused else ConnectionLost
            raise kind("The connection failed.") from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
        except (OSError, UnicodeError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@enlist("urllib3", program=True)
class Urllib3HostPools(SyncFlow):
    """A urllib3 pool of four connections for each host; a fifth request waits for one."""

    def prepare(self) -> None:
        self.pools: dict[str, Any] = {}

    def pool(self, url: str) -> Any:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        made = urllib3.connection_from_url(origin, maxsize=4, block=True)
        return self.pools.setdefault(origin, made)

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        answer: Any = None
        whole = False
        try:
            answer = self.pool(url).urlopen(
                method,
                "/" + url.partition("//")[2].partition("/")[2],
                body=body,
                headers=headers,
                timeout=urllib3.Timeout(connect=min(timeout, 10), read=timeout),
                pool_timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            self.plain(lowered(answer.headers))
            yield answer.status, lowered(answer.headers), pieces(answer)
            whole = True
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.ConnectTimeoutError,
            urllib3.exceptions.EmptyPoolError,
            urllib3.exceptions.LocationValueError,
        ) as error:
            raise ConnectionFailed(f"No connection: {type(error).__name__}") from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
        finally:
            if answer is not None:
                if not whole:
                    answer.close()
                answer.release_conn()


@enlist("threads")
class ThreadPoolOrders(HttpxClient):
    """Short calls run in a pool of four threads; a batch keeps the order, and each error."""

    def prepare(self) -> None:
        self.workers = ThreadPoolExecutor(4, thread_name_prefix="others-getimg")

    def close(self) -> None:
        self.workers.shutdown()
        super().close()

    def pooled(self, work: Callable[..., Found], **given: Any) -> Found:
        return self.workers.submit(work, **given).result()

    def generate_image(self, **fields: Any) -> Any:
        return self.pooled(super().generate_image, **fields)

    def submit_video(self, **fields: Any) -> Any:
        return self.pooled(super().submit_video, **fields)

    def generate_images(self, orders: list[dict[str, Any]]) -> list[Any]:
        """Return for each order its result, or the error that it ended in."""
        send = super().generate_image
        running = [self.workers.submit(send, **order) for order in orders]
        ended: list[Any] = []
        for each in running:
            try:
                ended.append(each.result())
            except (ClientError, ValueError) as error:
                ended.append(error)
        return ended
