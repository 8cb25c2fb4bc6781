"""One HTTP connection that is kept over requests, and opened again when it breaks.

Scripts that `replay --script` writes carry a copy of this module, so it imports the standard
library only, and modules of which the same holds.
"""

from __future__ import annotations

import http.client
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse

if TYPE_CHECKING:
    from collections.abc import Callable

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_MAX_IDLE: Final = 1.0
"""Seconds after which a connection may have been closed by the other side: a request that is sent
only once gets a new one."""


@dataclass(slots=True)
class PersistentConnection:
    """A connection to the address `base`.

    `stopwatch` returns real seconds, `timeout` limits how many of them one response may take.
    `count_request` is called for each request that is about to be sent.
    """

    base: str
    stopwatch: Callable[[], float]
    timeout: float = 330.0
    count_request: Callable[[], object] = lambda: None
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)
    _used: float = field(default=0.0, init=False)

    def exchange(self, sent: PreparedRequest) -> ReceivedResponse:
        """Send one request once; returns a response of status 0 that says why there is none."""
        try:
            return self._send_and_read(sent)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return ReceivedResponse(0, (), f"{type(error).__name__}: {error}".encode())

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send_and_read(self, sent: PreparedRequest) -> ReceivedResponse:
        started = self.stopwatch()
        if sent.method not in SAFE_METHODS and started - self._used > _MAX_IDLE:
            self.close()
        if self._connection is None:
            self._connection = self._create_connection()
        response = self._send(self._connection, sent)
        data = response.read()
        self._used = self.stopwatch()
        headers = tuple((name.lower(), value) for name, value in response.getheaders())
        return ReceivedResponse(response.status, headers, data, self._used - started)

    def _send(
        self, connection: http.client.HTTPConnection, sent: PreparedRequest
    ) -> http.client.HTTPResponse:
        body = sent.body if sent.body is not None or sent.method == "GET" else b""
        if connection.sock is None:
            connection.connect()
        path = urlsplit(self.base).path
        connection.putrequest(sent.method, path + sent.target, skip_accept_encoding=True)
        for name, value in sent.headers:
            connection.putheader(name, value.encode("latin-1", "replace"))
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        self.count_request()
        try:
            connection.endheaders(body)
        except ConnectionError as broken:
            # A server that refuses a large body may answer before it has read all of it.
            try:
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                raise broken from None
        return connection.getresponse()

    def _create_connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self.timeout)


def retry_read(send: Callable[[], ReceivedResponse], method: str) -> ReceivedResponse:
    """Send by `send`; a read that gets no response is sent once more, a submission never."""
    received = send()
    return send() if received.status == 0 and method in SAFE_METHODS else received
