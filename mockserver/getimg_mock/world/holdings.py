"""The collections of a workspace that grow: a store decides where they are."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from getimg_mock.world.kept_generations import GenerationsById, KeptGenerations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, MutableMapping
    from types import TracebackType

    from getimg_mock.world.journal import Effect, Journal

MAX_ENTRIES = 10_000
"""Ledger entries that are kept."""


class ReentrantLock(Protocol):
    """A lock that one thread can enter several times."""

    def __enter__(self) -> object:
        """Wait for the lock."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        """Release the lock."""


class Entries(Protocol):
    """The last entries of a ledger, oldest first."""

    def append(self, entry: Effect, /) -> None:
        """Add an entry; the oldest of too many is dropped."""

    def extend(self, entries: Iterable[Effect], /) -> None:
        """Add entries."""

    def clear(self) -> None:
        """Delete every entry."""

    def __iter__(self) -> Iterator[Effect]:
        """Iterate over the entries, oldest first."""

    def __len__(self) -> int:
        """Return the number of entries that are kept."""


def _create_entries() -> Entries:
    return deque(maxlen=MAX_ENTRIES)


@dataclass(slots=True)
class Holdings:
    """The collections of one workspace; the default ones are in memory.

    Entering `lock` begins a unit of work: until it is left, nothing else changes the workspace.
    `generations` is by id, in the order of submission. `charged` has the pending ones, and whether
    each was charged when it was submitted. `polls` counts status requests, `unreported` has the
    effects of endings that no request has reported. `ordinals` counts equal requests, and
    `create_ordinals` returns such a mapping for the rule of an id. `journal` is None for a new one.
    """

    lock: ReentrantLock = field(default_factory=threading.RLock)
    generations: GenerationsById = field(default_factory=KeptGenerations)
    charged: MutableMapping[str, bool] = field(default_factory=dict)
    polls: MutableMapping[str, int] = field(default_factory=dict)
    unreported: MutableMapping[str, list[Effect]] = field(default_factory=dict)
    entries: Entries = field(default_factory=_create_entries)
    ordinals: MutableMapping[bytes, int] = field(default_factory=dict)
    create_ordinals: Callable[[str], MutableMapping[bytes, int]] = lambda _rule: {}
    journal: Journal | None = None
