"""Nothing reaches the real API from a test that uses the fake: whatever tries fails at once."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from getimg_mock.isolation.socket_hooks import WAYS, asking

if TYPE_CHECKING:
    from _pytest.outcomes import Failed

    from getimg_mock.isolation.socket_hooks import Step
else:
    Failed = pytest.fail.Exception


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
        WAYS.watch(self)

    def stop(self) -> None:
        """Let everything pass."""
        WAYS.unwatch(self)

    def passes(self, host: str, step: Step) -> None:
        """Raise `RealApiError` for a guarded host; in a handshake, what belongs there."""
        __tracebackhide__ = True
        if host not in self.hosts:
            return
        text = (
            f"{asking() or 'Something'} tried to reach the real {host}, from a test that uses "
            f"getimg-mock. {self._advice}"
        )
        self.tries.append(text)
        if step == "handshake":
            raise RealApiHandshakeError(errno.ECONNABORTED, text)
        raise RealApiError(text, pytrace=True)
