"""One HTTP connection that is kept over requests, and opened again when it breaks.

Scripts that `replay --script` writes carry a copy of this module, so it imports the standard
library only, and modules of which the same holds.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse

if TYPE_CHECKING:
    from collections.abc import Callable

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_MAX_IDLE: Final = 1.0
"""Seconds after which a connection may have been closed by the other side: a request that is sent
only once gets a new one."""


_MAX_READ_TIME: Final = 60.0
"""Seconds that the answer to a read may take in all, downloads apart."""

_MAX_ANSWER: Final = 64 << 20
_MAX_MEDIA: Final = 1 << 30
_CHUNK: Final = 1 << 20

_PIECE: Final = 24
_MAX_PIECES: Final = 12
"""A body in parts is sent in pieces of at least so many bytes, and in at most so many."""

_BETWEEN_PIECES: Final = 0.003
"""Seconds between two pieces, so that they arrive apart."""

_MAX_CONTINUE: Final = 3.0
"""Seconds for which `100 Continue` is waited for; then the body is sent without it."""


def _is_download(sent: PreparedRequest) -> bool:
    return "authorization" not in dict(sent.headers) and sent.body is None


def _find_size_limit(sent: PreparedRequest) -> int:
    return _MAX_MEDIA if _is_download(sent) else _MAX_ANSWER


def _read_bounded(response: http.client.HTTPResponse, most: int) -> bytes:
    """Return the body of a response; raises `HTTPException` when it is longer than allowed."""
    chunks, size = [], 0
    while chunk := response.read(_CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise http.client.HTTPException(f"the answer has more than {most >> 20} MiB")
    if response.length:
        raise http.client.IncompleteRead(b"".join(chunks), response.length)
    return b"".join(chunks)


def _choose_framing(delivery: str, body: bytes) -> tuple[str, str]:
    """Return the header that says where the body ends."""
    if delivery == "chunked":
        return "transfer-encoding", "chunked"
    return "content-length", str(len(body))


def _send_in_parts(connection: http.client.HTTPConnection, delivery: str, body: bytes) -> bool:
    """Send the head, and then the body in parts that arrive one after the other.

    A final answer to `Expect` ends it: the body is not sent. Returns whether there was any answer
    to it, where there had to be one.
    """
    if delivery == "expect":
        connection.putheader("expect", "100-continue")
    connection.endheaders()
    if delivery == "expect":
        welcome = _has_answer(connection, _MAX_CONTINUE)
        if not (welcome and _is_final(connection.sock)):
            connection.send(body)
        return welcome
    size = max(_PIECE, len(body) // _MAX_PIECES + 1)
    for start in range(0, len(body), size):
        _has_answer(connection, _BETWEEN_PIECES)
        piece = body[start : start + size]
        chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
        connection.send(chunk if delivery == "chunked" else piece)
    if delivery == "chunked":
        connection.send(b"0\r\n\r\n")
    return True


def _has_answer(connection: http.client.HTTPConnection, seconds: float) -> bool:
    """Wait for an answer for at most so many seconds."""
    return bool(select.select([connection.sock], [], [], seconds)[0])


def _is_final(sock: Any) -> bool:
    """Whether what has come is another answer than 100; over TLS it cannot be looked at."""
    begun = b"" if isinstance(sock, ssl.SSLSocket) else sock.recv(12, socket.MSG_PEEK)
    return begun.startswith(b"HTTP/1.") and begun[9:10] != b"1"


_ABANDONED: Final = 1 << 16
"""How many bytes of an answer are read at most before its connection is closed."""

_IN_PARTS: Final = frozenset({"chunked", "pieces", "expect"})
"""The deliveries in which a body does not follow its head at once."""

_OLD: Final = {"_http_vsn": 10, "_http_vsn_str": "HTTP/1.0"}
_CURRENT: Final = {"_http_vsn": 11, "_http_vsn_str": "HTTP/1.1"}
"""Where a connection keeps the version of HTTP that it speaks."""

_UNFRAMED: Final = (b"BadStatusLine", b"IncompleteRead")
"""How the body of a response of status 0 begins where something else came than a response, or the
other side ended the connection before the length that it had stated."""


class _TimedStream(io.RawIOBase):
    """Bytes of a socket, each read of which is limited by the time that is left."""

    def __init__(self, sock: socket.socket, count_remaining: Callable[[], float]) -> None:
        self._sock, self._count_remaining = sock, count_remaining
        self._inner = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what has come, within the time that is left."""
        self._sock.settimeout(self._count_remaining())
        return self._inner.readinto(buffer)

    def close(self) -> None:
        """Release the socket."""
        self._inner.close()
        super().close()


_FIRST_INTERIM: Final = 102  # the library skips 100 itself
_FIRST_FINAL: Final = 200


class _TimedResponse(http.client.HTTPResponse):
    """A response that is limited in total time, not by the pause between two bytes alone."""

    def __init__(
        self, count_remaining: Callable[[], float], sock: socket.socket, *args: Any, **more: Any
    ) -> None:
        super().__init__(sock, *args, **more)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedStream(sock, count_remaining))

    def _read_status(self) -> tuple[str, int, str]:
        """Skip interim responses, such as 103 Early Hints."""
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # no public hook
            if not _FIRST_INTERIM <= status < _FIRST_FINAL:
                return version, status, reason
            http.client.parse_headers(self.fp)


def _list_headers(response: http.client.HTTPResponse) -> tuple[tuple[str, str], ...]:
    """Return the headers of a response; spaces around a value are not of it (RFC 9110, 5.5)."""
    return tuple((name.lower(), value.strip(" \t")) for name, value in response.getheaders())


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
    _deadline: float = field(default=0.0, init=False)
    _unwelcome: bool = field(default=False, init=False)

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
        self._deadline = started + self._find_time_limit(sent)
        self._unwelcome = False
        response = self._send(self._connection, sent)
        if sent.delivery == "abandoned":
            return self._abandon(response)
        data = _read_bounded(response, _find_size_limit(sent))
        self._used = self.stopwatch()
        headers = _list_headers(response)
        seconds, unwelcome = self._used - started, self._unwelcome
        return ReceivedResponse(response.status, headers, data, seconds, unwelcome=unwelcome)

    def _abandon(self, response: http.client.HTTPResponse) -> ReceivedResponse:
        """Close the connection when an answer has begun, as who gives up waiting does."""
        begun = response.read1(_ABANDONED)
        headers = _list_headers(response)
        response.close()
        self.close()
        return ReceivedResponse(response.status, headers, begun)

    def _send(
        self, connection: http.client.HTTPConnection, sent: PreparedRequest
    ) -> http.client.HTTPResponse:
        body = sent.body if sent.body is not None or sent.method == "GET" else b""
        if connection.sock is None:
            connection.connect()
        path = urlsplit(self.base).path
        old = sent.delivery == "http/1.0"
        vars(connection).update(_OLD if old else _CURRENT)
        connection.putrequest(sent.method, path + sent.target, skip_accept_encoding=True)
        if old:
            connection.putheader("host", urlsplit(self.base).netloc)
        for name, value in sent.headers:
            connection.putheader(name, value.encode("latin-1", "replace"))
        if body is not None:
            connection.putheader(*_choose_framing(sent.delivery, body))
        self.count_request()
        try:
            if body and sent.delivery in _IN_PARTS:
                self._unwelcome = not _send_in_parts(connection, sent.delivery, body)
            else:
                connection.endheaders(body)
        except ConnectionError as broken:
            # A server that refuses a large body may answer before it has read all of it.
            try:
                return connection.getresponse()
            except (OSError, http.client.HTTPException):
                raise broken from None
        return connection.getresponse()

    def _find_time_limit(self, sent: PreparedRequest) -> float:
        quick = sent.method in SAFE_METHODS and not _is_download(sent)
        return min(self.timeout, _MAX_READ_TIME) if quick else self.timeout

    def _create_connection(self) -> http.client.HTTPConnection:
        connection = self._connect_to_base()
        connection.response_class = partial(_TimedResponse, self._count_remaining)  # type: ignore[assignment]  # a factory is enough
        return connection

    def _count_remaining(self) -> float:
        """Return the seconds that the response may still take; raises `TimeoutError` for none."""
        left = self._deadline - self.stopwatch()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        return left

    def _connect_to_base(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.base)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self.timeout)


def retry_read(send: Callable[[], ReceivedResponse], method: str) -> ReceivedResponse:
    """Send by `send`; a read that gets no response is sent once more, a submission never.

    Bytes in the place of a status line are no lost connection: an earlier response was longer than
    it said. Nor is a body that ends before its length. They are not asked for again, so that a
    check sees them.
    """
    received = send()
    lost = received.status == 0 and not received.body.startswith(_UNFRAMED)
    return send() if lost and method in SAFE_METHODS else received
