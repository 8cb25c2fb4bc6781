"""Faults that cost money, misreport it, or show while the service is down."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3

from tests.contract.clients_by_others.async_transports import AiohttpClient
from tests.contract.clients_by_others.errors import (
    ApiError,
    BadAnswer,
    ClientError,
    ConnectionFailed,
    ConnectionLost,
    DownloadFailed,
)
from tests.contract.clients_by_others.registry import faulty
from tests.contract.clients_by_others.requests_transport import StreamedRequestsClient
from tests.contract.clients_by_others.rules import Answer
from tests.contract.clients_by_others.sdk_transports import SdkClient
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import (
    HttpxClient,
    Urllib3Client,
    lowered,
    pieces,
)

UNREACHED = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


@faulty("money", style="urllib3", blocker=True, program=True)
class OrdersThroughUrllib3Retry(Urllib3Client):
    """Lets urllib3's Retry, with allowed_methods=None, send orders again whose answer was lost."""

    def insistence(self) -> urllib3.Retry:
        return urllib3.Retry(
            total=None,
            connect=0,
            read=min(self.max_retries, 2),
            redirect=0,
            status=0,
            other=0,
            allowed_methods=None,
            backoff_factor=0.5,
            respect_retry_after_header=False,
        )

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
                retries=self.insistence(),
                redirect=False,
                preload_content=False,
            )
            whole = False
            try:
                got = lowered(answer.headers)
                self.plain(got)
                yield answer.status, got, pieces(answer)
                whole = True
            finally:
                if not whole:
                    answer.close()
                answer.release_conn()
        except urllib3.exceptions.MaxRetryError as error:
            kind = ConnectionFailed if isinstance(error.reason, UNREACHED) else ConnectionLost
            raise kind(f"The exchange broke: {type(error.reason).__name__}") from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None


@faulty("money", blocker=True)
class ReordersForDeadLinks(HttpxClient):
    """Orders, and pays for, the picture anew when the link to its file is dead."""

    def prepare(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}

    def generate_image(self, **fields: Any) -> Any:
        result = super().generate_image(**fields)
        self.orders[result["id"]] = fields
        return result

    def download(
        self, *, result: Any, directory: str, index: int = 0, overwrite: bool = False
    ) -> str:
        where: dict[str, Any] = {"directory": directory, "index": index, "overwrite": overwrite}
        try:
            return super().download(result=result, **where)
        except DownloadFailed as error:
            fields = self.orders.get(result["id"])
            if error.status_code not in {403, 404, 410} or fields is None:
                raise
        return super().download(result=self.generate_image(**fields), **where)


@faulty("money", style="sdk")
class ShowsOldBalanceInOutage(SdkClient):
    """Answers with the balance that it saw last, as if it were today's, when it cannot get it."""

    def prepare(self) -> None:
        self.seen: Any = None

    def balance(self) -> Any:
        try:
            self.seen = super().balance()
        except ClientError as error:
            if self.seen is None or (error.status_code or 500) < 500:
                raise
        return self.seen


@faulty("outages", style="requests", blocker=True, program=True)
class BreakerNeverHalfOpens(StreamedRequestsClient):
    """Has a circuit breaker that opens after five failures in a row, and never tries again."""

    def prepare(self) -> None:
        self.failures = 0

    def attempt(self, method: str, url: str, body: bytes | None) -> Answer:
        if self.failures >= 5:
            raise ApiError("The service is down: it was not asked.", status_code=503)
        try:
            answer = super().attempt(method, url, body)
        except ClientError as error:
            if not isinstance(error, BadAnswer) and (error.status_code or 500) >= 500:
                self.failures += 1
            raise
        self.failures = 0
        return answer


class SparingRetry(urllib3.Retry):
    """Leaves answers that say when to come again to the client."""

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        return not has_retry_after and super().is_retry(method, status_code)


@faulty("outages", style="requests", program=True)
class StacksAdapterRetries(StreamedRequestsClient):
    """Tries a read again in the adapter and in its own loop: sixteen requests instead of four."""

    def session(self) -> requests.Session:
        session = super().session()
        adapter: Any = session.get_adapter("http://")
        if not isinstance(adapter.max_retries, SparingRetry):
            stubborn = SparingRetry(
                total=self.max_retries,
                connect=0,
                read=False,
                redirect=0,
                other=0,
                status_forcelist={502, 503, 504},
                allowed_methods={"GET"},
                backoff_factor=0.5,
                raise_on_status=False,
            )
            for scheme in ("http://", "https://"):
                session.mount(scheme, requests.adapters.HTTPAdapter(max_retries=stubborn))
        return session


@faulty("outages", style="aiohttp", program=True)
class QuitsWaitAtGatewayPage(AiohttpClient):
    """Gives up the wait for a paid video at one 502 or 504, though it outlasts 500 and 503."""

    def survivable(self, error: ClientError, waited: float) -> bool:
        return error.status_code not in {502, 504} and super().survivable(error, waited)
