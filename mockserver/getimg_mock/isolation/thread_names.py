"""The names of threads that serve the fake: nothing that is under test runs in them."""

from __future__ import annotations

from typing import Final

SERVER_THREAD: Final = "getimg-mock"
STORE_WATCHER_THREAD: Final = "getimg-mock-store"
