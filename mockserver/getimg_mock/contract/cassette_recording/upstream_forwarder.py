"""Sends the requests of clients to the API, each submission at most once, within bounds."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse
from getimg_mock.contract.targets.persistent_connection import PersistentConnection, retry_read
from getimg_mock.isolation.socket_hooks import allow_connections
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from getimg_mock.contract.cassette_recording.purchase_gate import PurchaseGate

_NOT_FORWARDED: Final = frozenset(
    {
        "accept-encoding",  # bodies are kept as they are
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_RETURNED: Final = frozenset(
    {"connection", "content-length", "keep-alive", "trailer", "transfer-encoding", "upgrade"}
)
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,200}")
_VALUE: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_MAX_VALUE: Final = 8192
_MAX_HEADERS: Final = 100
_MAX_IDLE_CONNECTIONS: Final = 16


@dataclass(slots=True)
class UpstreamForwarder:
    """Forwards requests to the service at `url` through `gate`; may be used by many threads."""

    url: str
    gate: PurchaseGate
    timeout: float = 330.0
    sent: int = 0
    """How many requests have left for the service, those of the gate apart."""
    _idle: list[PersistentConnection] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def origin(self) -> str:
        """The address that links of the service begin with."""
        return self.url.rstrip("/")

    def forward(self, request: PreparedRequest) -> ReceivedResponse:
        """Return the response to a request; one of status 0 says why there is none.

        A read without a response is sent once more, a submission never. Raises `RefusedError`
        and `Refusal` for what is not sent.
        """
        self.gate.admit(request)
        booked: ReceivedResponse | None = None
        try:
            received = retry_read(lambda: self._send(request), request.method)
            booked = received if received.status else None
        finally:
            self.gate.note(request, booked)
        return received

    def _send(self, request: PreparedRequest) -> ReceivedResponse:
        connection = self._take_connection()
        with allow_connections():
            received = connection.exchange(request)
        with self._lock:
            keep = received.status and len(self._idle) < _MAX_IDLE_CONNECTIONS
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
        return received

    def _take_connection(self) -> PersistentConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return PersistentConnection(
            self.origin, stopwatch, timeout=self.timeout, count_request=self._count
        )

    def _count(self) -> None:
        with self._lock:
            self.sent += 1

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle, self._idle = self._idle, []
        for each in idle:
            each.close()


def prepare_request(
    method: str, target: str, headers: Iterable[tuple[bytes, bytes]], body: bytes
) -> PreparedRequest:
    """Return a client's request as it is forwarded: without headers of its connection."""
    kept = tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers
        if name.decode("latin-1") not in _NOT_FORWARDED
    )
    given = body if body or method not in {"GET", "HEAD"} else None
    return PreparedRequest(method, target, (*kept, ("accept-encoding", "identity")), given)


def select_headers(received: ReceivedResponse) -> list[tuple[bytes, bytes]]:
    """Return the headers that a client gets: none of a connection, none that could split it."""
    return [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in received.headers[:_MAX_HEADERS]
        if name not in _NOT_RETURNED
        and _NAME.fullmatch(name)
        and len(value) <= _MAX_VALUE
        and _VALUE.fullmatch(value)
    ]


def replace_origin(body: bytes, origin: str, local: str) -> bytes:
    """Return a JSON body whose download links at `origin` begin with `local`; the rest as it is."""
    marks = [f"{address}/v2/downloads/" for address in (origin, local)]
    for slash in ("/", "\\/"):
        old, new = (f'"{each.replace("/", slash)}'.encode() for each in marks)
        body = body.replace(old, new)
    return body


def find_host(url: str) -> str:
    """Return host and port of an address, as manifests have it."""
    return urlsplit(url).netloc.rpartition("@")[2]
