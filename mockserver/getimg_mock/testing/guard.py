"""Nothing reaches the real API from a test that uses the fake: whatever tries fails at once.

Name resolution and TLS are what every way out of a Python process has to pass: the first catches
the usual clients, the second those with a resolver of their own and those behind a proxy. A
subprocess is out of reach.
"""

from __future__ import annotations

import errno
import socket
import ssl
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from _pytest.outcomes import Failed
else:
    Failed = pytest.fail.Exception

_CLIENTS: Final = (
    "requests", "aiohttp", "urllib3", "urllib.request", "http.client", "httpx", "httpx2",
    "httpcore",
)  # fmt: skip


class RealApiError(Failed):
    """Something tried to reach the real API; no client's `except Exception` swallows it."""


class RealApiHandshakeError(ConnectionAbortedError):
    """The same, within an event loop's handshake: there only an `Exception` ends the connection."""


class Guard:
    """Keeps this process away from `hosts`; `tries` tells what was stopped."""

    def __init__(self, hosts: frozenset[str], advice: str) -> None:
        self.hosts = hosts
        self.tries: list[str] = []
        self._advice = advice

    def start(self) -> None:
        """Stand guard."""
        _GATE.add(self)

    def stop(self) -> None:
        """Let everything pass."""
        _GATE.remove(self)

    def refuse(self, host: str, *, handshake: bool = False) -> None:
        """Raise `RealApiError`, or in a `handshake` the error that belongs there."""
        __tracebackhide__ = True
        client = _client()
        text = (
            f"{client or 'Something'} tried to reach the real {host}, from a test that uses "
            f"getimg-mock. {self._advice}"
        )
        self.tries.append(text)
        if handshake:
            raise RealApiHandshakeError(errno.ECONNABORTED, text)
        raise RealApiError(text, pytrace=True)


class _Gate:
    """The replaced functions, for as long as at least one guard stands."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guards: list[Guard] = []
        self._replaced: list[tuple[Any, str, Any]] = []

    def add(self, guard: Guard) -> None:
        with self._lock:
            self._guards.append(guard)
            if len(self._guards) > 1:
                return
            for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
                self._replace(socket, name, self._resolving)
            self._replace(ssl.SSLContext, "wrap_socket", self._wrapping)
            self._replace(ssl.SSLContext, "wrap_bio", self._shaking_hands)

    def remove(self, guard: Guard) -> None:
        with self._lock:
            self._guards.remove(guard)
            if not self._guards:
                for owner, name, before in reversed(self._replaced):
                    setattr(owner, name, before)
                self._replaced.clear()

    def _replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        before = getattr(owner, name)
        self._replaced.append((owner, name, before))
        setattr(owner, name, make(before))

    def _resolving(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(host: Any = None, *arguments: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            self._check(host)
            return before(host, *arguments, **options)

        return resolve

    def _wrapping(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def wrap(context: Any, *arguments: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            for argument in (options.get("server_hostname"), *arguments):
                self._check(argument)
            return before(context, *arguments, **options)

        return wrap

    def _shaking_hands(self, before: Callable[..., Any]) -> Callable[..., Any]:
        def wrap(context: Any, *arguments: Any, **options: Any) -> Any:
            __tracebackhide__ = True
            for argument in (options.get("server_hostname"), *arguments):
                self._check(argument, handshake=True)
            return before(context, *arguments, **options)

        return wrap

    def _check(self, host: object, *, handshake: bool = False) -> None:
        __tracebackhide__ = True
        if isinstance(host, (bytes, bytearray)):
            host = bytes(host).decode("latin-1")
        if not isinstance(host, str):
            return
        plain = host.rstrip(".").lower()
        for guard in reversed(self._guards):
            if plain in guard.hosts:
                guard.refuse(plain, handshake=handshake)


# What is replaced belongs to the whole process, and so does the record of it.
_GATE: Final = _Gate()


def _client() -> str | None:
    """Return the library that asks, as far as the stack tells."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - only for the text of the error
    found = None
    while frame is not None:
        module = f"{frame.f_globals.get('__name__')}."
        found = next((each for each in _CLIENTS if module.startswith(f"{each}.")), found)
        frame = frame.f_back
    return found
