"""Failures of a test that another thread notices, such as that of the server under getimg_live."""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from _pytest.outcomes import Failed

    from getimg_mock.world.journal import Draft, Exchange
else:
    Failed = pytest.fail.Exception


class ThreadFailure:
    """Raises a failure in the thread of a test, from the thread of a server.

    Python raises it there between two instructions. `message` is that of the failure, `raised`
    tells whether it was raised, and `paths` are those of the requests that caused it.
    """

    def __init__(self) -> None:
        self.message: str | None = None
        self.raised = False
        self.paths: set[str] = set()
        self._thread = threading.current_thread()
        self._is_open = True

    def __call__(self, exchange: Exchange | Draft, message: str) -> None:
        """Fail the test, and refuse further requests for the same path."""
        self.paths.add(exchange.path)
        if self.message is not None or not self._is_open:
            return
        self.message = message
        self._raise_in_thread(self._make_type(message))

    def close(self) -> None:
        """Raise nothing any more; a failure that was not raised yet is withdrawn."""
        self._is_open = False
        if self.message is not None and not self.raised:
            self._raise_in_thread(None)

    def _raise_in_thread(self, error: type[BaseException] | None) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(self._thread.ident or 0),
            None if error is None else ctypes.py_object(error),
        )

    def _make_type(self, message: str) -> type[BaseException]:
        """Return a type that needs no arguments, as only a type can be raised in a thread."""

        def start(error: Failed) -> None:
            self.raised = True
            Failed.__init__(error, message, pytrace=True)

        # Shown as pytest shows its own failures, whose module is `builtins`.
        return type("Failed", (Failed,), {"__module__": "builtins", "__init__": start})
