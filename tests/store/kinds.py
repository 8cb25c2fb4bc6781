"""The kinds of store that tests run on."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from getimg_mock import fake
from getimg_mock.store import addresses
from tests.store.redis_server import find_free_port, run_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.settings import Settings
    from getimg_mock.store.protocol import Store
    from getimg_mock.world.workspaces import Workspace

_NUMBERS = count(1)


@contextmanager
def use_store(kind: str, folders: pytest.TempPathFactory) -> Iterator[None]:
    """Make each new fake that would keep its workspaces in memory keep them in a new store."""
    if kind == "memory":
        yield
        return

    port = find_free_port()
    running = run_redis(port, str(folders.mktemp("redis"))) if kind == "redis" else nullcontext()

    def open_other(settings: Settings, make: Callable[[str], Workspace]) -> Store:
        if settings.store != "memory":
            return addresses.open_store(settings, make)
        address = f"sqlite:///{folders.mktemp('store')}/fake.db"
        if kind == "redis":
            address = f"redis://127.0.0.1:{port}/0?prefix=suite{next(_NUMBERS)}"
        return addresses.open_store(replace(settings, store=address), make)

    with running, pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake, "open_store", open_other)
        yield
