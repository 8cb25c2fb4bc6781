"""The policy of the pytest plugin: a test that uses the fake never reaches the real API."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from getimg_mock.isolation.socket_hooks import find_calling_library

if TYPE_CHECKING:
    from _pytest.outcomes import Failed

    from getimg_mock.isolation.socket_hooks import ConnectionAttempt
else:
    Failed = pytest.fail.Exception


class RealApiError(Failed):
    """A test attempted to reach the real API.

    It derives from pytest's own failure, so that `except Exception` in a client does not catch it.
    """


class RealApiHandshakeError(ConnectionAbortedError):
    """The same, raised within an event loop's handshake, where only an `Exception` ends it."""


class ApiGuard:
    """Refuses connections to `hosts`; `attempts` has the message of each refusal."""

    def __init__(self, hosts: frozenset[str], advice: str) -> None:
        self.hosts = hosts
        self.attempts: list[str] = []
        self._advice = advice

    def check(self, attempt: ConnectionAttempt) -> None:
        """Raise `RealApiError` for a guarded host; `RealApiHandshakeError` in a handshake."""
        __tracebackhide__ = True
        if attempt.host not in self.hosts:
            return
        text = (
            f"{find_calling_library() or 'The code under test'} tried to reach the real "
            f"{attempt.host} in a test that uses getimg-mock. {self._advice}"
        )
        self.attempts.append(text)
        if attempt.step == "handshake":
            raise RealApiHandshakeError(errno.ECONNABORTED, text)
        raise RealApiError(text, pytrace=True)
