"""Opens the store of an address: memory, sqlite:///PATH, or redis://HOST."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.setting_values import MEMORY_STORE
from getimg_mock.store.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.settings import Settings
    from getimg_mock.store.protocol import Store
    from getimg_mock.store.rows import Rows
    from getimg_mock.world.workspaces import Workspace

SQLITE: Final = "sqlite:///"


def open_store(settings: Settings, make: Callable[[str], Workspace]) -> Store:
    """Return the store of `settings.store`; `make` creates the workspace of a key in memory.

    Raises `StoreError` when it cannot be reached, and `SettingsError` for one of another format.
    """
    if settings.store == MEMORY_STORE:
        return MemoryStore(make, bound=settings.max_workspaces)
    from getimg_mock.store.durable import DurableStore  # noqa: PLC0415 - most fakes start without

    rows = open_rows(settings.store)
    return DurableStore(rows, make, settings, bound=settings.max_workspaces)


def open_rows(address: str) -> Rows:
    """Return the rows of a durable store's address."""
    if address.startswith(SQLITE):
        from getimg_mock.store.sqlite_rows import SqliteRows  # noqa: PLC0415 - as above

        return SqliteRows(Path(address.removeprefix(SQLITE)))
    from getimg_mock.store.redis_rows import RedisRows  # noqa: PLC0415 - as above

    return RedisRows(address)
