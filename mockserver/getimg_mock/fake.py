"""The state of one fake."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from getimg_mock.media.cache import MediaCache
from getimg_mock.media.memory_files import MemoryFiles
from getimg_mock.settings import Settings
from getimg_mock.store.addresses import open_store
from getimg_mock.world.catalogue import Catalogue
from getimg_mock.world.clock import VirtualClock
from getimg_mock.world.journal import Journal
from getimg_mock.world.magic import parse_key_magic
from getimg_mock.world.media_rules import MediaRules
from getimg_mock.world.rule_files import resolve_scenario
from getimg_mock.world.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from getimg_mock.store.protocol import Store
    from getimg_mock.world.journal import Exchange
    from getimg_mock.world.replayed_outcomes import Recordings

_BROWSER_PATHS: Final = frozenset({"/", "/favicon.ico", "/robots.txt"})
_RATES: Final = {"real": 1.0, "virtual": 0.0}


@dataclass(slots=True)
class WorkspaceDefaults:
    """The settings that a new workspace begins with; a reload replaces them."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Fake:
    """Settings, models, workspaces and rendered media: all state in one place."""

    settings: Settings
    catalogue: Catalogue
    store: Store
    cache: MediaCache = field(repr=False)
    # Clock and journal for requests without a workspace: unknown paths and keys.
    clock: VirtualClock
    journal: Journal
    # Files of the user's own that the configuration names.
    media: MediaRules = field(default_factory=MediaRules)
    # What is replayed, None for a fake without a cassette.
    recordings: Recordings | None = field(default=None, repr=False)
    # Files of `cache` that were sent more than once.
    sent_files: MemoryFiles = field(default_factory=MemoryFiles, repr=False, compare=False)
    # Shared with the store, and with the fakes that replace this one after a reload.
    defaults: WorkspaceDefaults | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings, *, clock: Callable[[], VirtualClock] | None = None) -> Fake:
        """Return a new fake; `clock` creates the clock of each workspace (default: as set).

        Raises `SettingsError` for an invalid models file or scenario, and `StoreError` for a store
        that cannot be used.
        """
        catalogue = load_catalogue(settings)
        defaults = WorkspaceDefaults(settings)
        clock = clock or (lambda: VirtualClock(rate=_parse_rate(defaults.settings.clock)))
        for name in settings.scenario:
            resolve_scenario(name)
        require_font(settings)
        return cls(
            settings,
            catalogue,
            open_store(settings, lambda key: open_workspace(key, defaults.settings, clock())),
            MediaCache(settings.media_cache_mib * 1024 * 1024),
            VirtualClock(),
            Journal(bound=settings.journal_exchanges),
            load_media(settings),
            load_recordings(settings),
            defaults=defaults,
        )

    def list_strays(self, since: datetime | None = None) -> list[Exchange]:
        """Return the requests that reached no workspace, from a moment of real time on.

        What browsers ask of any server is left out.
        """
        return [
            each
            for each in self.journal
            if each.path not in _BROWSER_PATHS and (since is None or each.wall >= since)
        ]


def load_catalogue(settings: Settings) -> Catalogue:
    """Return the models that settings name; raises `SettingsError` for an invalid file."""
    if settings.models is None:
        return Catalogue.load_shipped()
    return Catalogue.from_file(settings.models)


def require_font(settings: Settings) -> None:
    """Raise `SettingsError` for a font of settings that cannot be used."""
    if settings.font is not None:
        from getimg_mock.media.fonts import check_font  # noqa: PLC0415 - few fakes have one

        check_font(settings.font)


def load_media(settings: Settings) -> MediaRules:
    """Return the rules that settings name; raises `SettingsError` for a file that is unusable."""
    rules = MediaRules()
    if settings.media:
        from getimg_mock.media.own_files import read_media_rules  # noqa: PLC0415 - few fakes have rules

        for each in read_media_rules(map(json.loads, settings.media)):
            rules.add(each)
    return rules


def load_recordings(settings: Settings) -> Recordings | None:
    """Return what settings say is replayed; raises `SettingsError` for an unusable cassette."""
    if settings.replay is None:
        return None
    from getimg_mock.cassettes.outcomes import read_recordings  # noqa: PLC0415 - few fakes replay

    return read_recordings(settings)


def open_workspace(key: str, settings: Settings, clock: VirtualClock) -> Workspace:
    """Create the workspace of a key, with the settings and scenario of a magic key."""
    magic = parse_key_magic(key) if settings.magic else None
    if magic is not None:
        read = Settings.of(**magic.settings)
        settings = replace(settings, **{name: getattr(read, name) for name in magic.settings})
    workspace = Workspace(key, settings=settings, clock=clock)
    asked = [*settings.scenario, *([magic.scenario] if magic and magic.scenario else [])]
    for name in asked:
        found = resolve_scenario(name)
        workspace.scenarios.load_rules(found.rules, workspace.opened_at, scenario=found.name)
    return workspace


def _parse_rate(clock: str) -> float:
    return _RATES[clock] if clock in _RATES else float(clock[1:])
