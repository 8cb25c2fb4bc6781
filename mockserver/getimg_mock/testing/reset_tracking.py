"""Following a workspace over resets, which replace the workspace and its clock."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from getimg_mock.fake import Fake, open_workspace
from getimg_mock.setting_values import MEMORY_STORE
from getimg_mock.store.memory import MemoryStore
from getimg_mock.world.journal import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable

    from getimg_mock.media.cache import MediaCache
    from getimg_mock.settings import Settings
    from getimg_mock.world.clock import VirtualClock
    from getimg_mock.world.journal import Draft
    from getimg_mock.world.workspaces import Workspace


class EpochStore(MemoryStore):
    """A store that counts replaced workspaces in `epoch`.

    `listeners` are called with the key and the exchange after every exchange of any workspace.
    `watchers` are called with the key and what the journal keeps, which often is a draft: making
    an exchange of it takes as long as a poll.
    """

    def __init__(self, make: Callable[[str], Workspace], *, bound: int) -> None:
        super().__init__(self._make_heard, bound=bound)
        self._make_silent = make
        self.epoch = 0
        self.listeners: list[Callable[[str, Exchange], object]] = []
        self.watchers: list[Callable[[str, Exchange | Draft], object]] = []

    def replace(self, workspace: Workspace) -> Workspace:
        """Replace the workspace that has the same key."""
        replaced = super().replace(workspace)
        self.epoch += 1
        return replaced

    def _make_heard(self, key: str) -> Workspace:
        workspace = self._make_silent(key)
        workspace.journal.subscribe_drafts(partial(self._call_listeners, key))
        return workspace

    def _call_listeners(self, key: str, kept: Exchange | Draft, number: int) -> None:
        __tracebackhide__ = True
        if self.listeners:
            exchange = kept if isinstance(kept, Exchange) else kept.write_out(number)
            for listener in tuple(self.listeners):
                listener(key, exchange)
        for watcher in tuple(self.watchers):
            watcher(key, kept)


def create_fake_with_epochs(
    settings: Settings, clock: Callable[[], VirtualClock], cache: MediaCache | None = None
) -> tuple[Fake, EpochStore]:
    """Return a new fake and its store; `clock` makes the clock of each workspace.

    Raises `SettingsError` for an invalid models file or scenario.
    """
    in_memory = settings.store == MEMORY_STORE
    made = Fake.of(settings if in_memory else replace(settings, store=MEMORY_STORE))
    store = EpochStore(
        lambda key: open_workspace(key, settings, clock()), bound=settings.max_workspaces
    )
    return replace(made, store=store, cache=cache or made.cache), store


class PresentClock:
    """Returns the present clock of a key's workspace; looks it up only after a replacement."""

    def __init__(self, store: EpochStore, key: str) -> None:
        self._store = store
        self._key = key
        self._epoch = store.epoch
        self._clock = store.get_or_create(key).clock

    @property
    def clock(self) -> VirtualClock:
        """The clock of the workspace that the key has now."""
        if self._epoch != self._store.epoch:
            # The epoch first: a replacement in between is then noticed at the next access.
            self._epoch = self._store.epoch
            self._clock = self._store.get_or_create(self._key).clock
        return self._clock
