"""requests, with the errors of urllib3 that it lets pass while a body is streamed."""

from collections.abc import Iterator
from contextlib import contextmanager

import urllib3

from tests.contract.clients_by_others.errors import ConnectionLost
from tests.contract.clients_by_others.sync_flow import Opened
from tests.contract.clients_by_others.sync_transports import RequestsClient


class StreamedRequestsClient(RequestsClient):
    """requests; a body that breaks off is a lost connection, and a coded one is refused."""

    @contextmanager
    def open(
        self, method: str, url: str, body: bytes | None, headers: dict[str, str], timeout: float
    ) -> Iterator[Opened]:
        try:
            with super().open(method, url, body, headers, timeout) as opened:
                self.plain(opened[1])
                yield opened
        except urllib3.exceptions.HTTPError as error:
            raise ConnectionLost(f"The exchange broke: {type(error).__name__}") from None
