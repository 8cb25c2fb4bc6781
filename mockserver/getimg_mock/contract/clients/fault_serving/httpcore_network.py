"""A network without sockets for clients based on httpcore: httpx, httpx2, the official SDK.

Every host exists, and is the fault server. Reading from a connection moves the clock of the case to
the time at which data arrives, or by the client's timeout.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from collections import deque
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from getimg_mock.contract.clients.cases.wire_script import WireAnswer
from getimg_mock.contract.clients.fault_serving.fault_server import format_origin
from getimg_mock.contract.clients.fault_serving.request_parser import RequestParser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.contract.clients.cases.wire_script import WireScript
    from getimg_mock.contract.clients.fault_serving.fault_server import FaultServer
    from getimg_mock.contract.clients.sandbox.client_time import ClientTime

_ON_THE_WAY: Final = 256 * 1024
"""How many bytes the buffers between a client and a server hold that reads none."""
CORE_LIBRARIES: Final = ("httpcore", "httpcore2")
_BAD_REQUEST: Final = WireAnswer(400, (("Connection", "close"),), b"not HTTP").to_script()
_TUNNEL_ANSWER: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_REFUSED: Final = "[Errno 111] Connection refused"
_FAILURES: Final = {
    "refused": _REFUSED,
    "absent": _REFUSED,
    "unknown": "[Errno -2] Name or service not known",
}
"""The messages of connections that fail."""
_CONNECT_SECONDS: Final = {
    "": 0.01,
    "timeout": float("inf"),
    "slow": 4.0,
    "unread": 0.0,
    **dict.fromkeys(_FAILURES, 0.0),
}
"""The seconds until a connection is open, or has failed, address look-up included."""


@dataclass
class Network:
    """All connections of one case."""

    adversary: FaultServer
    time: ClientTime
    connections: list[Connection] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    """The heads of requests that were sent unencrypted."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    watch: Callable[[], None] | None = None
    """Called on every read, where the memory that reading takes is measured."""

    def open_connection(
        self, host: str, port: int, timeout: float | None
    ) -> tuple[float, Connection | str]:
        """Return the seconds that connecting takes, and the connection or the error."""
        patience = float("inf") if timeout is None else timeout
        with self.lock:
            outcome = self.adversary.handle_connect(host, port)
            seconds = _CONNECT_SECONDS[outcome]
            if seconds > patience or seconds == float("inf"):
                return patience, "timeout"
            if outcome in _FAILURES:
                return seconds, outcome
            made = Connection(self, host, port, len(self.connections) + 1)
            made.unread = outcome == "unread"
            self.connections.append(made)
            return seconds, made

    @property
    def open(self) -> int:
        """How many connections the client has not closed."""
        return sum(not each.closed for each in self.connections)

    @contextmanager
    def install(self) -> Iterator[None]:
        """Connect every client of this process that is based on httpcore to this network."""
        with ExitStack() as stack:
            for name in CORE_LIBRARIES:
                # One that is imported is not looked for again: that takes longer than patching it.
                if name in sys.modules or find_spec(name) is not None:
                    for each in _patches(name, self):
                        stack.enter_context(each)
            yield


@dataclass(eq=False)
class Connection:
    """The server's side of one connection."""

    network: Network
    host: str
    port: int
    number: int
    tls: bool = False
    closed: bool = False
    unread: bool = False
    """Whether the server reads nothing of what is sent."""
    reader: RequestParser = field(init=False)
    tunnel: tuple[str, int] | None = None
    _coming: deque[tuple[float, bytes | str, Callable[[], None] | None]] = field(
        default_factory=deque
    )
    """What comes: when, the piece, and what is done before it is read."""
    _waiting: int = 0

    def __post_init__(self) -> None:
        self._start_parser("http")

    def negotiate_tls(self, context: ssl.SSLContext, name: str | None) -> str:
        """Start TLS; returns why the client refuses the certificate, or an empty text."""
        verified = context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
        if self.network.adversary.has_wrong_certificate() and verified:
            return (
                "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, "
                f"certificate is not valid for '{name}'. (_ssl.c:1006)"
            )
        self.tls = True
        self._start_parser("https")
        return ""

    def fill(self, size: int) -> bool:
        """Take in bytes that are not read; returns whether they fit on the way to the server."""
        self._waiting += size
        return self._waiting <= _ON_THE_WAY

    def receive(self, data: bytes) -> None:
        """Receive bytes from the client."""
        if not self.tls:
            self.network.plain.append(data[:4096].decode("latin-1"))
        for asked in self.reader.feed(data):
            if asked.method == "CONNECT":
                host, _, port = asked.target.rpartition(":")
                self.tunnel = (host.strip("[]"), int(port))
                self._coming.append((self.network.time.seconds(), _TUNNEL_ANSWER, None))
            else:
                self._schedule(self.network.adversary.answer(asked))
        if self.reader.broken:
            self._schedule(_BAD_REQUEST)

    @property
    def hangs(self) -> bool:
        """Whether nothing more comes, and no end."""
        return bool(self._coming) and self._coming[0][1] == "hang"

    def take_next(self, size: int, timeout: float | None) -> tuple[float, bytes | str]:
        """Return how long the client waits for the next piece, and the piece: bytes, or an end."""
        if self.network.watch is not None:
            self.network.watch()
        patience = float("inf") if timeout is None else timeout
        now = self.network.time.seconds()
        if not self._coming or self.hangs:
            return patience, "silence"
        due, what, meanwhile = self._coming[0]
        if due - now > patience:
            return patience, "silence"
        if meanwhile is not None:
            meanwhile()
            self._coming[0] = (due, what, None)
        if isinstance(what, bytes) and len(what) > size:
            self._coming[0] = (due, what[size:], None)
            what = what[:size]
        elif isinstance(what, bytes) or what == "reset":
            self._coming.popleft()
        return max(0.0, due - now), what

    @property
    def readable(self) -> bool:
        """Whether a piece, or the end of the connection, can be read now."""
        if not self._coming or self._coming[0][1] == "hang":
            return False
        return self._coming[0][0] <= self.network.time.seconds()

    def _start_parser(self, scheme: str) -> None:
        host, port = self.tunnel or (self.host, self.port)
        self.reader = RequestParser(format_origin(scheme, host, port), self.number)

    def _schedule(self, timeline: WireScript) -> None:
        at = max([self.network.time.seconds(), *(each[0] for each in list(self._coming)[-1:])])
        for piece in timeline:
            at += piece.delay
            self._coming.append((at, piece.what, piece.meanwhile))


def _patches(name: str, network: Network) -> Iterator[Any]:
    core: Any = import_module(name)
    sync: Any = import_module(f"{name}._backends.sync").SyncBackend
    auto: Any = import_module(f"{name}._backends.auto").AutoBackend

    def connect(_: Any, host: str, port: int, timeout: float | None = None, **__: Any) -> Any:
        seconds, outcome = network.open_connection(host, port, timeout)
        network.time.sleep(_cap_seconds(seconds))
        return _SyncVirtualStream(core, _check_connected(core, outcome, host, port))

    async def aconnect(
        _: Any,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        **__: Any,
    ) -> Any:
        seconds, outcome = network.open_connection(host, port, timeout)
        await asyncio.sleep(_cap_seconds(seconds))  # noqa: TID251 - the client's loop runs in virtual time
        return _AsyncVirtualStream(core, _check_connected(core, outcome, host, port))

    yield patch.object(sync, "connect_tcp", connect)
    yield patch.object(auto, "connect_tcp", aconnect)


def _cap_seconds(seconds: float) -> float:
    return min(seconds, 1e6)  # the limit of the case ends it long before


def _check_connected(core: Any, outcome: Connection | str, host: str, port: int) -> Connection:
    if isinstance(outcome, str) and outcome in _FAILURES:
        raise core.ConnectError(f"{_FAILURES[outcome]} ({host}:{port})")
    if isinstance(outcome, str):
        raise core.ConnectTimeout("timed out")
    return outcome


def _check_received(core: Any, what: bytes | str) -> bytes:
    if isinstance(what, bytes):
        return what
    if what == "close":
        return b""
    if what == "reset":
        raise core.ReadError("[Errno 104] Connection reset by peer")
    raise core.ReadTimeout("The read operation timed out")


class _VirtualStream:
    """The common part of both kinds of stream; `core` is httpcore or httpcore2."""

    def __init__(self, core: Any, connection: Connection) -> None:
        self.core = core
        self.connection = connection

    def __del__(self) -> None:
        # As with a socket, an unreferenced stream is closed.
        self.connection.closed = True

    def get_extra_info(self, info: str) -> Any:
        """Return the facts that httpcore reads of a connection."""
        if info == "is_readable":
            return self.connection.readable
        if info == "server_addr":
            return (self.connection.host, self.connection.port)
        if info == "client_addr":
            return ("127.0.0.1", 0)
        return None

    def _secure(self, context: ssl.SSLContext, name: str | None) -> None:
        refused = self.connection.negotiate_tls(context, name)
        if refused:
            self.connection.closed = True
            raise self.core.ConnectError(refused)

    def _see_closing(self, what: bytes | str) -> bytes | str:
        """Return what was read, or a reset: another thread or task has closed the connection."""
        return "reset" if self.connection.closed else what

    def _deliver(self, data: bytes) -> None:
        if self.connection.closed:
            raise self.core.WriteError("[Errno 9] Bad file descriptor")
        with self.connection.network.lock:
            self.connection.receive(data)

    def _find_block(self, data: bytes, timeout: float | None) -> float:
        """Return for how long writing is tried in vain; 0 where the server takes the bytes."""
        if not self.connection.unread or self.connection.fill(len(data)):
            return 0.0
        return _cap_seconds(float("inf") if timeout is None else timeout)


class _SyncVirtualStream(_VirtualStream):
    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        seconds, what = self.connection.take_next(max_bytes, timeout)
        # What has arrived already is read without a wait, as from a real socket.
        if seconds > 0:
            self.connection.network.time.sleep(_cap_seconds(seconds))
        return _check_received(self.core, self._see_closing(what))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if blocked := self._find_block(buffer, timeout):
            self.connection.network.time.sleep(blocked)
            raise self.core.WriteTimeout("The write operation timed out")
        if buffer and not self.connection.unread:
            self._deliver(buffer)

    def close(self) -> None:
        self.connection.closed = True

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: Any = None
    ) -> _SyncVirtualStream:
        del timeout
        self._secure(ssl_context, server_hostname)
        return self


class _AsyncVirtualStream(_VirtualStream):
    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's
        seconds, what = self.connection.take_next(max_bytes, timeout)
        await asyncio.sleep(_cap_seconds(seconds))  # noqa: TID251 - the client's loop runs in virtual time
        return _check_received(self.core, self._see_closing(what))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's
        if blocked := self._find_block(buffer, timeout):
            await asyncio.sleep(blocked)  # noqa: TID251 - the client's loop runs in virtual time
            raise self.core.WriteTimeout("The write operation timed out")
        if buffer and not self.connection.unread:
            self._deliver(buffer)

    async def aclose(self) -> None:
        self.connection.closed = True

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: Any = None,  # noqa: ASYNC109 - httpcore's
    ) -> _AsyncVirtualStream:
        del timeout
        self._secure(ssl_context, server_hostname)
        return self
