"""Looks for what other processes change while something waits for it."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from getimg_mock.errors import StoreError
from getimg_mock.isolation.thread_names import STORE_WATCHER_THREAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.store.stored_workspace import StoredWorkspace
    from getimg_mock.world.holdings import ReentrantLock

# Real seconds between two looks at what other processes have changed.
_PACE: Final = 0.05
# Looks at nothing after which looking ends, until something waits again.
_MAX_IDLE: Final = 20


class WatchedStore(Protocol):
    """A store of which other processes change the workspaces."""

    def list_awaited(self) -> Sequence[StoredWorkspace]:
        """Return the workspaces of which something waits for what other processes do."""

    def look_at(self, session: StoredWorkspace) -> None:
        """Bring a workspace up to date if another process has changed it."""


class ChangeWatcher:
    """A thread that runs while something waits; `lock` is that of the store."""

    def __init__(self, store: WatchedStore, lock: ReentrantLock) -> None:
        self._store = store
        self._lock = lock
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def begin(self) -> None:
        """Look from now on, until nothing has waited for a while."""
        with self._lock:
            if self._thread is None and not self._closed.is_set():
                self._thread = threading.Thread(
                    target=self._look_for_changes, name=STORE_WATCHER_THREAD, daemon=True
                )
                self._thread.start()

    def end(self) -> None:
        """Stop looking, for good."""
        self._closed.set()
        thread = self._thread
        if thread is not None:
            thread.join()

    def _look_for_changes(self) -> None:
        idle = 0
        while not self._closed.wait(_PACE):
            awaited = self._store.list_awaited()
            idle = 0 if awaited else idle + 1
            if idle > _MAX_IDLE:
                with self._lock:
                    if not self._store.list_awaited():
                        self._thread = None
                        return
            # Requests say that the store fails; the next look may succeed.
            with suppress(StoreError):
                for session in awaited:
                    self._store.look_at(session)
