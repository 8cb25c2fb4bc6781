"""Everything that one fake consists of, behind its endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from getimg_mock.media.cache import MediaCache
from getimg_mock.store.memory import MemoryStore
from getimg_mock.world.catalogue import Catalogue
from getimg_mock.world.clock import VirtualClock
from getimg_mock.world.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.settings import Settings
    from getimg_mock.store.protocol import Store


@dataclass(frozen=True, slots=True)
class Fake:
    """Settings, models, workspaces and rendered media: all state there is, in one place."""

    settings: Settings
    catalogue: Catalogue
    store: Store
    cache: MediaCache = field(repr=False)

    @classmethod
    def of(cls, settings: Settings, *, clock: Callable[[], VirtualClock] = VirtualClock) -> Fake:
        """Return a new fake; `clock` makes the clock of each workspace.

        Raises `CatalogueError` when the models file cannot be used.
        """
        catalogue = Catalogue.from_file(settings.models) if settings.models else Catalogue.shipped()
        store = MemoryStore(
            lambda key: Workspace(key, settings=settings, clock=clock()),
            bound=settings.max_workspaces,
        )
        return cls(settings, catalogue, store, MediaCache(settings.media_cache_mib * 1024 * 1024))
