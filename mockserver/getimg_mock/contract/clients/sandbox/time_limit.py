"""A cap on real seconds: who waits in a time that is not in our hands is called back."""

from __future__ import annotations

import ctypes
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.sandbox.client_time import WATCHER_THREAD_NAME, Abandoned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_REPEAT_SECONDS: Final = 5.0
"""After how many more seconds who swallows it is told again."""


class OverdueError(Abandoned):
    """The client did not come back within the real seconds that a case may take."""

    def __str__(self) -> str:
        """Say what is likely."""
        return (
            "did not come back in the real time that a case may take: it waits for something "
            "that is not in our hands, or works too long"
        )


class TimeLimit:
    """One case's. `reached` says whether the client was called back."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.reached = False
        self._standing = False
        self._lock = threading.Lock()

    @contextmanager
    def enforce(self) -> Iterator[None]:
        """Raise `OverdueError` in this thread once the seconds have passed."""
        self._standing = True
        alarmed = threading.current_thread() is threading.main_thread() and hasattr(
            signal, "setitimer"
        )
        with self._use_alarm() if alarmed else self._use_watcher_thread():
            try:
                yield
            finally:
                self._standing = False

    @contextmanager
    def _use_alarm(self) -> Iterator[None]:
        """Have the system interrupt this thread, whatever it waits for."""

        def ring(number: int, frame: FrameType | None) -> None:
            del number, frame
            if self._standing:
                self.reached = True
                raise OverdueError

        before = signal.signal(signal.SIGALRM, ring)
        left, every = signal.setitimer(signal.ITIMER_REAL, self.seconds, _REPEAT_SECONDS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, left, every)
            signal.signal(signal.SIGALRM, before)

    @contextmanager
    def _use_watcher_thread(self) -> Iterator[None]:
        """Have another thread interrupt this one, between two steps of Python."""
        over, ident = threading.Lock(), threading.get_ident()
        over.acquire()

        def watch() -> None:
            wait = self.seconds
            # The lock, and not an event: events obey the case's clock.
            while not over.acquire(timeout=wait):
                wait = _REPEAT_SECONDS
                with self._lock:
                    if self._standing:
                        self.reached = True
                        ctypes.pythonapi.PyThreadState_SetAsyncExc(
                            ctypes.c_ulong(ident), ctypes.py_object(OverdueError)
                        )

        watcher = threading.Thread(target=watch, name=WATCHER_THREAD_NAME, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            with self._lock:
                self._standing = False
            over.release()
