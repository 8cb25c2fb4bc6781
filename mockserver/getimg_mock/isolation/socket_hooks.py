"""The ways out of this process: who watches them is asked before anybody takes one.

Looking up a name, connecting and shaking hands over TLS are what a way out of a Python process has
to pass: the first catches the usual clients, the others those with a resolver of their own, a bare
address or a proxy. What a library does in C, and a subprocess, is out of reach.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

Step = Literal["lookup", "connection", "handshake"]

_CLIENTS: Final = (
    "requests",
    "aiohttp",
    "urllib3",
    "urllib.request",
    "http.client",
    "httpx",
    "httpx2",
    "httpcore",
)


class Watch(Protocol):
    """Who is asked."""

    def passes(self, host: str, step: Step) -> None:
        """Let somebody take a step towards a host, or raise."""


class Ways:
    """The replaced functions, for as long as somebody watches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: list[Watch] = []
        self._replaced: list[tuple[Any, str, Any]] = []

    def watch(self, watch: Watch) -> None:
        """Ask somebody from now on."""
        with self._lock:
            self._watches.append(watch)
            if len(self._watches) > 1:
                return
            for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
                self._replace(socket, name, self._resolving)
            for name in ("connect", "connect_ex"):
                self._replace(socket.socket, name, self._connecting)
            self._replace(ssl.SSLContext, "wrap_socket", self._wrapping)
            self._replace(ssl.SSLContext, "wrap_bio", self._shaking_hands)

    def unwatch(self, watch: Watch) -> None:
        """Ask somebody no longer; with the last one everything is as it was."""
        with self._lock:
            self._watches.remove(watch)
            if not self._watches:
                for owner, name, before in reversed(self._replaced):
                    if before is None:
                        delattr(owner, name)
                    else:
                        setattr(owner, name, before)
                self._replaced.clear()

    def _replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        # What a class has inherited is taken away again, not put back.
        self._replaced.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, make(getattr(owner, name)))

    def _resolving(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(host: Any = None, *arguments: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            self._ask(host, "lookup")
            return before(host, *arguments, **options)

        return resolve

    def _connecting(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def connect(own: Any, address: Any) -> Any:
            __tracebackhide__ = True
            if isinstance(address, tuple) and address:
                self._ask(address[0], "connection")
            return before(own, address)

        return connect

    def _wrapping(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def wrap(context: Any, *arguments: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            for argument in (options.get("server_hostname"), *arguments):
                self._ask(argument, "connection")
            return before(context, *arguments, **options)

        return wrap

    def _shaking_hands(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def wrap(context: Any, *arguments: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            for argument in (options.get("server_hostname"), *arguments):
                self._ask(argument, "handshake")
            return before(context, *arguments, **options)

        return wrap

    def _ask(self, host: object, step: Step) -> None:
        __tracebackhide__ = True
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("latin-1")
        if not isinstance(host, str):
            return
        plain = host.rstrip(".").lower()
        for watch in reversed(self._watches):
            watch.passes(plain, step)


# What is replaced belongs to the whole process, and so does the record of it.
WAYS: Final = Ways()


def asking() -> str | None:
    """Return the library that takes the step, as far as the stack tells."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - only for the text of an error
    found = None
    while frame is not None:
        module = f"{frame.f_globals.get('__name__')}."
        found = next((each for each in _CLIENTS if module.startswith(f"{each}.")), found)
        frame = frame.f_back
    return found
