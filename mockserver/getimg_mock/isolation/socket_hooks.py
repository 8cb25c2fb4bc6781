"""Hooks around socket connections and name look-ups, so that they can be refused.

While at least one policy is enforced, it is asked before each name look-up, connection and TLS
handshake. Three hooks see these steps:

- Replaced functions of `socket` and `ssl`. They act before a name is resolved, and they see the
  host of a TLS handshake, for which Python has no audit event.
- An audit hook of the interpreter. It also sees calls through references that a library took
  before the functions were replaced. It cannot be removed; without a policy it returns at once.

Connections made in C code (libcurl, gRPC) and in subprocesses are out of reach.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from getimg_mock.patches import Patches, restore_late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

ConnectionStep = Literal["lookup", "connection", "tls", "handshake"]
"""What is attempted. `tls` wraps a blocking socket; `handshake` is TLS within an event loop."""

_LOOKUPS: Final = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")
_EVENTS: Final = frozenset({"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"})
_CLIENT_LIBRARIES: Final = (
    "requests",
    "aiohttp",
    "urllib3",
    "urllib.request",
    "http.client",
    "httpx",
    "httpx2",
    "httpcore",
)


class ConnectionAttempt(NamedTuple):
    """One step towards a host. `port` is None where the step does not name one.

    `host` is in lower case, without a trailing dot.
    """

    step: ConnectionStep
    host: str
    port: int | None = None


class ConnectionPolicy(Protocol):
    """Decides which connections of this process are allowed."""

    def check(self, attempt: ConnectionAttempt) -> None:
        """Return to allow the attempt; raise to refuse it."""


class SocketHooks:
    """Asks the enforced policies, the latest first, and is installed only as long as there are any.

    The hooked functions belong to the whole process, so there is one instance: `SOCKET_HOOKS`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._policies: tuple[ConnectionPolicy, ...] = ()
        self._patches = Patches()
        self._has_audit_hook = False

    @contextmanager
    def enforce(self, policy: ConnectionPolicy) -> Iterator[None]:
        """Ask `policy` about every attempt of this process until the block ends."""
        with self._lock:
            if not self._policies:
                self._install()
            self._policies += (policy,)
        try:
            yield
        finally:
            with self._lock:
                self._policies = tuple(each for each in self._policies if each is not policy)
                if not self._policies:
                    self._patches.restore()

    def _install(self) -> None:
        restore_late()
        self._patches = patches = Patches()
        for name in _LOOKUPS:
            patches.replace(socket, name, self._hook_lookup)
        for name in ("connect", "connect_ex"):
            patches.replace(socket.socket, name, self._hook_connect)
        patches.replace(ssl.SSLContext, "wrap_socket", self._hook_tls("tls"))
        patches.replace(ssl.SSLContext, "wrap_bio", self._hook_tls("handshake"))
        if not self._has_audit_hook:
            sys.addaudithook(self._make_audit_hook())
            self._has_audit_hook = True

    def _hook_lookup(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def look_up(host: Any = None, *arguments: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            self._check("lookup", host)
            return original(host, *arguments, **options)

        return look_up

    def _hook_connect(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def connect(own: Any, address: Any) -> Any:
            __tracebackhide__ = True
            self._check_address(address)
            return original(own, address)

        return connect

    def _hook_tls(self, step: ConnectionStep) -> Callable[[Any], Callable[..., Any]]:
        def hook(original: Callable[..., Any]) -> Callable[..., Any]:
            def wrap(context: Any, *arguments: Any, **options: Any) -> Any:
                __tracebackhide__ = True
                # The host is `server_hostname`, which may also be given by position.
                for argument in (options.get("server_hostname"), *arguments):
                    self._check(step, argument)
                return original(context, *arguments, **options)

            return wrap

        return hook

    def _make_audit_hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        """Return a function, and no method: the interpreter asks for an attribute of the hook.

        It does so at each event, such as a call of `id`, and takes three times as long for a method
        to find that it has none.
        """

        def handle_audit_event(event: str, arguments: tuple[Any, ...]) -> None:
            __tracebackhide__ = True
            if event in _EVENTS and self._policies:
                if event == "socket.connect":
                    self._check_address(arguments[1])
                else:
                    self._check("lookup", arguments[0])

        return handle_audit_event

    def _check_address(self, address: Any) -> None:
        __tracebackhide__ = True
        # A Unix socket has a path for an address, which leaves no machine.
        if isinstance(address, tuple) and address:
            host, port = address[0], address[1] if len(address) > 1 else None
            # Some families, such as AF_VSOCK, have a number for a host.
            self._check(
                "connection",
                str(host) if isinstance(host, int) else host,
                port if isinstance(port, int) else None,
            )

    def _check(self, step: ConnectionStep, host: object, port: int | None = None) -> None:
        __tracebackhide__ = True
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("latin-1")
        if not isinstance(host, str):
            return
        attempt = ConnectionAttempt(step, host.rstrip(".").lower(), port)
        for policy in reversed(self._policies):
            policy.check(attempt)


SOCKET_HOOKS: Final = SocketHooks()


class _ThreadState(threading.local):
    is_own_request = False


_THREAD_STATE: Final = _ThreadState()


@contextmanager
def allow_connections() -> Iterator[None]:
    """Mark the connections of this thread as getimg-mock's own, which pass the budget's gate.

    `connection_audit` and `local_only` allow them. `api_guard` does not: a test that uses the
    plugin never reaches the real API.
    """
    outer, _THREAD_STATE.is_own_request = _THREAD_STATE.is_own_request, True
    try:
        yield
    finally:
        _THREAD_STATE.is_own_request = outer


def is_own_request() -> bool:
    """Return whether this thread is within `allow_connections`."""
    return _THREAD_STATE.is_own_request


def find_calling_library() -> str | None:
    """Return the HTTP library on the stack, the outermost if several; None if there is none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - only for the text of an error
    found = None
    while frame is not None:
        module = f"{frame.f_globals.get('__name__')}."
        found = next((each for each in _CLIENT_LIBRARIES if module.startswith(f"{each}.")), found)
        frame = frame.f_back
    return found
