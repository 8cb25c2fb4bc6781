"""Work that follows a response: done soon after it, in order, and not while a client waits."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from getimg_mock.world.clock import stopwatch

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PAUSE: Final = 0.05
"""Real seconds without a further item, after which items are noted: noting slows what comes."""
_LONGEST: Final = 2.0
"""Real seconds for which items are collected at most, however fast they come."""
_MAX_WAITING: Final = 1000


@dataclass(slots=True)
class BackgroundNotes(Generic[T]):
    """Calls `note` for each item, in the order in which items are added.

    Items are noted when 0.05 real seconds have passed without a further one, 2 seconds after the
    first of them at the latest, at once when 1000 are waiting, and before `close` returns. Errors
    of `note` are counted in `failures`; they end nothing.
    """

    note: Callable[[T], None]
    failures: int = 0
    _waiting: deque[T] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _added: threading.Event = field(default_factory=threading.Event)
    _closed: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def add(self, item: T) -> None:
        """Add an item, and note all where too many are waiting."""
        self._waiting.append(item)
        if self._thread is None:
            self._start()
        if len(self._waiting) > _MAX_WAITING or self._closed.is_set():
            self.flush()
        elif not self._added.is_set():
            self._added.set()

    def flush(self) -> None:
        """Note all items that were added before this call."""
        with self._lock:
            for _ in range(len(self._waiting)):
                try:
                    self.note(self._waiting.popleft())
                except Exception:  # noqa: BLE001 - whatever the reason, an item could not be noted
                    self.failures += 1

    def close(self) -> None:
        """Note what is waiting, and end the thread; items that come later are noted at once."""
        self._closed.set()
        self._added.set()
        if self._thread is not None:
            self._thread.join()
        self.flush()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                name = "getimg-mock-notes"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._closed.is_set():
            self._added.wait()
            self._added.clear()
            self._wait_for_pause()
            self.flush()

    def _wait_for_pause(self) -> None:
        until, before = stopwatch() + _LONGEST, 0
        while len(self._waiting) != before and stopwatch() < until:
            before = len(self._waiting)
            if self._closed.wait(_PAUSE):
                return
