"""Everything that one fake consists of, behind its endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from getimg_mock.media.cache import MediaCache
from getimg_mock.settings import Settings
from getimg_mock.store.memory import MemoryStore
from getimg_mock.world.catalogue import Catalogue
from getimg_mock.world.clock import VirtualClock
from getimg_mock.world.journal import Journal
from getimg_mock.world.magic import key_magic
from getimg_mock.world.rule_files import scenario
from getimg_mock.world.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.store.protocol import Store

_RATES: Final = {"real": 1.0, "virtual": 0.0}


@dataclass(frozen=True, slots=True)
class Fake:
    """Settings, models, workspaces and rendered media: all state there is, in one place."""

    settings: Settings
    catalogue: Catalogue
    store: Store
    cache: MediaCache = field(repr=False)
    # Time and journal of requests that belong to no workspace: unknown paths and keys.
    clock: VirtualClock
    journal: Journal

    @classmethod
    def of(cls, settings: Settings, *, clock: Callable[[], VirtualClock] | None = None) -> Fake:
        """Return a new fake; `clock` makes the clock of each workspace, else the settings say.

        Raises `SettingsError` when the models file or a scenario cannot be used.
        """
        catalogue = Catalogue.from_file(settings.models) if settings.models else Catalogue.shipped()
        clock = clock or (lambda: VirtualClock(rate=_rate(settings.clock)))
        for name in settings.scenario:
            scenario(name)
        return cls(
            settings,
            catalogue,
            MemoryStore(lambda key: opened(key, settings, clock()), bound=settings.max_workspaces),
            MediaCache(settings.media_cache_mib * 1024 * 1024),
            VirtualClock(),
            Journal(bound=settings.journal_exchanges),
        )


def opened(key: str, settings: Settings, clock: VirtualClock) -> Workspace:
    """Return the workspace of a key as it is on first use, with what its magic asks for."""
    magic = key_magic(key) if settings.magic else None
    if magic is not None:
        read = Settings.of(**magic.settings)
        settings = replace(settings, **{name: getattr(read, name) for name in magic.settings})
    workspace = Workspace(key, settings=settings, clock=clock)
    asked = [*settings.scenario, *([magic.scenario] if magic and magic.scenario else [])]
    for name in asked:
        found = scenario(name)
        workspace.scenarios.load_rules(found.rules, workspace.opened_at, scenario=found.name)
    return workspace


def _rate(clock: str) -> float:
    return _RATES[clock] if clock in _RATES else float(clock[1:])
