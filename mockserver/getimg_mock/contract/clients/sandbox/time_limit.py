"""Limits how long a case may run in real time.

A client that waits where virtual time does not reach would never return; it is interrupted.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from getimg_mock.contract.clients.sandbox.client_time import (
    WATCHER_THREAD_NAME,
    Abandoned,
    StuckError,
)
from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_REPEAT_SECONDS: Final = 5.0
"""After how many more seconds a client that has swallowed the error is interrupted again."""
_LOOK_SECONDS: Final = 0.5
"""How often the main thread is asked where it is."""
_WORK: Final = 0.1
"""The processor seconds that count as work."""


class OverdueError(Abandoned):
    """The client did not return within the real seconds that a case may take."""

    def __str__(self) -> str:
        """Name the likely cause."""
        return (
            "did not come back in the real time that a case may take: it waits for something "
            "that virtual time does not reach, or works too long"
        )


class TimeLimit:
    """The limit of one case. `reached` tells whether the client was interrupted.

    With `looks`, a main thread that is at the same place at so many looks, while no other thread
    works (`is_quiet`), waits for what never comes, and is interrupted: `stuck` tells that it was.
    """

    def __init__(
        self, seconds: float, *, looks: int = 0, is_quiet: Callable[[], bool] = lambda: True
    ) -> None:
        self.seconds = seconds
        self.reached = False
        self.stuck = False
        self._place: tuple[int, int] = (0, 0)
        self._most = looks
        self._is_quiet = is_quiet
        self._looks = 0
        self._work = 0.0
        self._enforced = False
        self._lock = threading.Lock()

    @contextmanager
    def enforce(self) -> Iterator[None]:
        """Raise `OverdueError` in this thread once the seconds have passed."""
        self._enforced = True
        alarmed = threading.current_thread() is threading.main_thread() and hasattr(
            signal, "setitimer"
        )
        with self._use_alarm() if alarmed else self._use_watcher_thread():
            try:
                yield
            finally:
                self._enforced = False

    @contextmanager
    def _use_alarm(self) -> Iterator[None]:
        """Interrupt this thread by a signal, whatever it waits for."""
        due = stopwatch() + self.seconds

        def ring(number: int, frame: FrameType | None) -> None:
            nonlocal due
            del number
            if not self._enforced:
                return
            if self._most and frame is not None and self._is_stuck(frame):
                self.stuck = True
                raise StuckError
            if stopwatch() >= due:
                due = stopwatch() + _REPEAT_SECONDS
                self.reached = True
                raise OverdueError

        before = signal.signal(signal.SIGALRM, ring)
        every = min(self.seconds, _LOOK_SECONDS)
        left, every = signal.setitimer(signal.ITIMER_REAL, every, every)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, left, every)
            signal.signal(signal.SIGALRM, before)

    def _is_stuck(self, frame: FrameType) -> bool:
        """Return whether the main thread is where it was, and no thread has worked meanwhile."""
        place, spent = (id(frame), frame.f_lasti), sum(os.times()[:2])
        moves = place != self._place or spent - self._work > _WORK
        if moves or not self._is_quiet():
            self._place, self._looks, self._work = place, 0, spent
        self._looks += 1
        return self._looks > self._most

    @contextmanager
    def _use_watcher_thread(self) -> Iterator[None]:
        """Interrupt this thread from another one, between two steps of Python."""
        over, ident = threading.Lock(), threading.get_ident()
        over.acquire()

        def watch() -> None:
            wait = self.seconds
            # A lock and not an event: the timeouts of events are bound to the case's clock.
            while not over.acquire(timeout=wait):
                wait = _REPEAT_SECONDS
                with self._lock:
                    if self._enforced:
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
                self._enforced = False
            over.release()
