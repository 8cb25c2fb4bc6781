"""The collections of a workspace that is kept in rows: they read on demand, and note changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from getimg_mock.store.encoding import decode_effects
from getimg_mock.world.holdings import MAX_ENTRIES
from getimg_mock.world.kept_generations import GenerationsById

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from getimg_mock.store.encoding import GenerationRow
    from getimg_mock.world.generations import Generation
    from getimg_mock.world.journal import Effect

_Value = TypeVar("_Value")
_Session_contra = TypeVar("_Session_contra", contravariant=True)

MAX_CACHED: Final = 2_000
"""Generations that have ended and are kept in the memory of a process, for each workspace."""


class RowReader(Protocol):
    """What the collections ask of their workspace's rows."""

    def read_generation(self, generation_id: str) -> GenerationRow | None:
        """Return a generation, or None."""

    def iterate_generations(self) -> Iterator[GenerationRow]:
        """Yield all generations that are kept, in the order of submission."""

    def read_count(self, name: bytes) -> int | None:
        """Return a count, or None."""

    def read_counts(self) -> dict[bytes, int]:
        """Return all counts."""

    def read_effects(self) -> list[str]:
        """Return the rows of the ledger's entries."""


class TrackedDict(dict[str, _Value], Generic[_Value]):
    """A dictionary that adds the keys that change to `changed`."""

    __slots__ = ("changed",)

    def __init__(self, changed: dict[str, None]) -> None:
        super().__init__()
        self.changed = changed

    def __setitem__(self, key: str, value: _Value) -> None:
        self.changed[key] = None
        super().__setitem__(key, value)

    def setdefault(self, key: str, default: _Value) -> _Value:
        """Return the value of a key, set to `default` if there is none."""
        self.changed[key] = None
        return super().setdefault(key, default)

    def pop(self, key: str, *default: _Value) -> _Value:  # type: ignore[override]  # one signature for the three of dict
        """Remove a key and return its value."""
        if key in self:
            self.changed[key] = None
        return super().pop(key, *default)

    def load(self, key: str, value: _Value) -> None:
        """Set a value that is kept already."""
        super().__setitem__(key, value)

    def forget(self, key: str) -> None:
        """Remove a value from memory; it stays kept."""
        super().pop(key, None)


class StoredGenerations(GenerationsById):
    """The generations of a workspace; those that are pending, new or in use are in memory."""

    def __init__(self, reader: RowReader, changed: dict[str, None]) -> None:
        self._reader = reader
        self._changed = changed
        self._cached: OrderedDict[str, Generation] = OrderedDict()
        self._new: set[str] = set()
        self.count = 0

    def get(self, generation_id: str, default: Any = None) -> Any:
        """Return a generation, or `default`."""
        found = self._cached.get(generation_id)
        return super().get(generation_id, default) if found is None else found

    def __getitem__(self, generation_id: str) -> Generation:
        found = self._cached.get(generation_id)
        if found is None:
            row = self._reader.read_generation(generation_id)
            if row is None:
                raise KeyError(generation_id)
            return row.generation
        return found

    def __setitem__(self, generation_id: str, generation: Generation) -> None:
        # One that changes is pending, and those are in memory.
        if generation_id not in self._cached:
            self.count += 1
            self._new.add(generation_id)
        self._cached[generation_id] = generation
        self._changed[generation_id] = None

    def __delitem__(self, generation_id: str) -> None:
        raise TypeError("Generations are never deleted.")

    def __contains__(self, generation_id: object) -> bool:
        return generation_id in self._cached or (
            isinstance(generation_id, str)
            and self._reader.read_generation(generation_id) is not None
        )

    def __iter__(self) -> Iterator[str]:
        return (each.id for each in self._iterate())

    def __len__(self) -> int:
        return self.count

    def _iterate(self) -> Iterator[Generation]:
        for row in self._reader.iterate_generations():
            yield self._cached.get(row.generation.id, row.generation)
        yield from [each for name, each in self._cached.items() if name in self._new]

    def values(self) -> Iterable[Generation]:  # type: ignore[override]  # nothing asks for more of a view
        """Return the generations in the order of submission."""
        return self._iterate()

    def load(self, generation: Generation) -> None:
        """Take a generation into memory that is kept already."""
        self._cached[generation.id] = generation

    def end_unit(self, pending: MutableMapping[str, bool]) -> list[str]:
        """Forget what was new, and drop old ones from memory; returns the ids of those."""
        self._new.clear()
        surplus = len(self._cached) - len(pending) - MAX_CACHED
        if surplus <= 0:
            return []
        # The oldest come first, so that few are looked at.
        dropped = list(islice((each for each in self._cached if each not in pending), surplus))
        for each in dropped:
            del self._cached[each]
        return dropped

    def forget(self, generation_id: str) -> None:
        """Drop a generation from memory; it stays kept."""
        self._cached.pop(generation_id, None)

    def clear(self) -> None:
        """Drop everything from memory; it stays kept."""
        self._cached.clear()
        self._new.clear()


class StoredCounts(MutableMapping[bytes, int]):
    """Counts of equal requests, under a prefix; `changed` has those that are not kept yet."""

    def __init__(self, reader: RowReader, prefix: bytes, changed: dict[bytes, int]) -> None:
        self._reader = reader
        self._prefix = prefix
        self._changed = changed

    def __getitem__(self, name: bytes) -> int:
        full = self._prefix + name
        found = self._changed.get(full)
        if found is None:
            found = self._reader.read_count(full)
        if found is None:
            raise KeyError(name)
        return found

    def __setitem__(self, name: bytes, count: int) -> None:
        self._changed[self._prefix + name] = count

    def __delitem__(self, name: bytes) -> None:
        raise TypeError("Counts are never deleted.")

    def __iter__(self) -> Iterator[bytes]:
        kept = self._reader.read_counts() | self._changed
        start = len(self._prefix)
        return (name[start:] for name in kept if name.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class StoredEntries:
    """The entries of a ledger; `added` has those that are not kept yet, `total` counts all ever."""

    def __init__(self, reader: RowReader) -> None:
        self._reader = reader
        self.added: list[Effect] = []
        self.total = 0
        self.cleared = 0

    def append(self, entry: Effect, /) -> None:
        """Add an entry."""
        self.added.append(entry)
        self.total += 1

    def extend(self, entries: Iterable[Effect], /) -> None:
        """Add entries."""
        for each in entries:
            self.append(each)

    def clear(self) -> None:
        """Delete every entry."""
        self.added.clear()
        self.cleared = self.total

    def forget(self) -> None:
        """Begin without entries."""
        self.added.clear()
        self.total = self.cleared = 0

    def __iter__(self) -> Iterator[Effect]:
        kept = [each for row in self._reader.read_effects() for each in decode_effects(row)]
        entries = [*kept, *self.added]
        return iter(entries[len(entries) - len(self) :])

    def __len__(self) -> int:
        return min(MAX_ENTRIES, self.total - self.cleared)


class WorkspaceUnits(Protocol[_Session_contra]):
    """The units of work of a store."""

    def enter(self, session: _Session_contra) -> None:
        """Begin a unit of work, or continue the one of this thread, with this workspace in it."""

    def leave(self, error: BaseException | None) -> None:
        """End what `enter` began."""

    def touch(self, session: _Session_contra) -> None:
        """Take the workspace into the unit of work of this thread, if there is one."""

    def watch(self) -> None:
        """Note that something waits for what other processes do."""


class UnitLock:
    """Enters and leaves units of work of a store."""

    __slots__ = ("_enter", "_leave")

    def __init__(
        self, enter: Callable[[], object], leave: Callable[[BaseException | None], object]
    ) -> None:
        self._enter = enter
        self._leave = leave

    def __enter__(self) -> None:
        self._enter()

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._leave(error)
