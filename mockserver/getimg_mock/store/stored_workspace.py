"""One workspace of a durable store in this process: what is in memory, and what has changed."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import StoreError
from getimg_mock.store.encoding import (
    GenerationRow,
    decode_generation,
    encode_effects,
    encode_generation,
    encode_step,
)
from getimg_mock.store.rows import Changes
from getimg_mock.store.stored_journal import StoredClock, StoredJournal
from getimg_mock.store.views import (
    StoredCounts,
    StoredEntries,
    StoredGenerations,
    TrackedDict,
    UnitLock,
)
from getimg_mock.store.workspace_rows import (
    build_fingerprint,
    copy_state,
    encode_core,
    encode_plan,
    load_core,
    load_plan,
    read_generations,
)
from getimg_mock.world.clock import wall_seconds
from getimg_mock.world.holdings import MAX_ENTRIES, Holdings
from getimg_mock.world.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from getimg_mock.settings import Settings
    from getimg_mock.store.rows import Head, HeadVersion, Rows
    from getimg_mock.store.views import WorkspaceUnits
    from getimg_mock.world.generations import Generation
    from getimg_mock.world.identities import Identity
    from getimg_mock.world.journal import Effect

# Generations that have changed last and are named in the core: another process reads these again.
# A process that has missed more reads all that are pending.
_RECENT: Final = 12
# Counts that are kept in memory at most, and generations up to which all counts are read at once.
_MAX_KNOWN: Final = 50_000
_MAX_KNOWN_AT_START: Final = 1_000
# Counts that are read at once in the time of about one that is read alone.
_COUNTS_AT_ONCE: Final = 16
# Rows of dropped exchanges are deleted so many at a time.
_DELETED_AT_ONCE: Final = 64


class StoredWorkspace:
    """The workspace of one id and epoch in this process.

    `workspace` reads what it lacks from the rows, and notes what changes. `load` brings it up to
    date, `collect` returns what a unit of work has changed, and `detach` leaves it to those that
    hold it when another one has replaced it.
    """

    def __init__(
        self,
        rows: Rows,
        head: Head,
        base: Settings,
        units: WorkspaceUnits[StoredWorkspace],
        *,
        identity: Identity,
        key: str,
        journal: StoredJournal | None = None,
    ) -> None:
        self.head = head
        self.incarnation = rows.incarnation
        self.is_detached = False
        self.is_new = False
        # Whether the unit of work, or its group, has the workspace.
        self.is_joined = False
        self._is_ready = False
        self._rows = rows
        self.base = base
        self._units = units
        self._changed: dict[str, None] = {}
        self._counts: dict[bytes, int] = {}
        # All counts that are kept, or None when another process has changed them.
        self._known_counts: dict[bytes, int] | None = None
        self._counts_read = 0
        self._deleted_below, self._steps_deleted_below = 0, 1
        self._recent: deque[tuple[int, str, bool]] = deque(maxlen=_RECENT)
        self._core = self._plan = ""
        self._entries = StoredEntries(self)
        self._generations = StoredGenerations(self, self._changed)
        self._charged: TrackedDict[bool] = TrackedDict(self._changed)
        self._polls: TrackedDict[int] = TrackedDict(self._changed)
        self._unreported: TrackedDict[list[Effect]] = TrackedDict(self._changed)
        self.lock = UnitLock(partial(units.enter, self), units.leave)
        self.clock = StoredClock(self.lock, self._touch, units.watch)
        self.journal = (
            journal
            if journal is not None
            else StoredJournal(
                bound=base.journal_exchanges,
                budget=base.journal_mib * 1024 * 1024,
                watch=units.watch,
            )
        )
        self.journal.bind(self.lock, self)
        self.workspace = self._open(identity, key)
        self._entries.forget()
        self._fingerprint: Any = None
        self._is_ready = True

    def _open(self, identity: Identity, key: str) -> Workspace:
        holdings = Holdings(
            lock=self.lock,
            generations=self._generations,
            charged=self._charged,
            polls=self._polls,
            unreported=self._unreported,
            entries=self._entries,
            ordinals=StoredCounts(self, b"request:", self._counts),
            create_ordinals=lambda rule: StoredCounts(self, f"{rule}:".encode(), self._counts),
            journal=self.journal,
        )
        return Workspace(
            key, settings=self.base, clock=self.clock, identity=identity, holdings=holdings
        )

    @property
    def is_loaded(self) -> bool:
        """Whether the workspace is in memory."""
        return bool(self._core) or self.is_new

    @property
    def has_changed(self) -> bool:
        """Whether a request that changes no plan, clock or limit has changed more than the journal.

        Each request counts among those that rules have seen.
        """
        return bool(
            self._changed
            or self._counts
            or self.is_new
            or self._entries.added
            or len(self.workspace.scenarios)
        )

    @property
    def is_awaited(self) -> bool:
        """Whether something waits for what other processes do to the workspace."""
        return self.clock.is_awaited or self.journal.has_listeners

    def _touch(self) -> None:
        if self._is_ready and not (self.is_joined or self.is_detached):
            self._units.touch(self)

    # Reading -------------------------------------------------------------------------------------

    def load(self, found: HeadVersion) -> None:
        """Bring the workspace up to date with the rows of the version `found`."""
        head = self._rows.read_head(self.head.id)
        if head is None or head.epoch != found.epoch:
            raise StoreError(f"The rows of workspace {self.head.id} changed while they were read.")
        before = self.journal.recorded if self._core else None
        since, self.head = self.head.version if self._core else None, head
        if head.plan != self._plan:
            self._load_plan(head.plan)
        if head.core != self._core:
            self._load_core(head.core)
        self._load_generations(since)
        self._known_counts, self._counts_read = None, 0
        if since is None and self._generations.count <= _MAX_KNOWN_AT_START:
            self._known_counts = self._rows.read_counts(self.head.number)
        self._fingerprint = build_fingerprint(self.workspace)
        self.clock.poke()
        if before is not None and before < self.journal.recorded:
            self.journal.announce()

    def _load_generations(self, since: int | None) -> None:
        """Read the pending generations again, or those that have changed after a version."""
        is_whole = len(self._recent) < _RECENT
        if since is None or not (is_whole or self._recent[0][0] <= since):
            for each in (self._generations, self._charged, self._polls, self._unreported):
                each.clear()
            self.workspace.settlement.forget_schedule()
            for row in self._rows.read_pending(self.head.number):
                self._take(decode_generation(row))
            return
        for version, generation_id, is_pending in self._recent:
            if version <= since:
                continue
            if is_pending:
                self.read_generation(generation_id)
            else:
                for each in (self._generations, self._charged, self._polls, self._unreported):
                    each.forget(generation_id)

    def adopt(self, plain: Workspace) -> None:
        """Take over the state of a workspace in memory; the unit of work keeps all of it."""
        self.is_new = True
        self._known_counts = {}
        copy_state(plain, self.workspace)
        self.clock.state = (plain.clock.now(), wall_seconds(), plain.clock.rate)

    def forget(self) -> None:
        """Drop everything from memory after a unit of work that was not kept."""
        self._core = self._plan = ""
        self._changed.clear()
        self._counts.clear()
        self._known_counts = None
        for each in (self._generations, self._charged, self._polls, self._unreported):
            each.clear()
        self.workspace.settlement.forget_schedule()
        self._entries.added.clear()
        self.journal.forget()

    def _load_plan(self, plan: str) -> None:
        load_plan(self.workspace, plan, self.base)
        self._plan = plan

    def _load_core(self, core: str) -> None:
        load_core(self.workspace, core, self._entries, self.journal)
        self._generations.count, recent = read_generations(core)
        self._recent = deque(recent, maxlen=_RECENT)
        self._core = core

    def _take(self, row: GenerationRow) -> Generation:
        """Take a generation into memory; it is not marked as changed."""
        self._generations.load(made := row.generation)
        if row.charged is None:
            self._charged.forget(made.id)
            self._polls.forget(made.id)
        else:
            self._charged.load(made.id, row.charged)
            self.workspace.settlement.schedule(made, row.order)
            if row.polls:
                self._polls.load(made.id, row.polls)
        if row.unreported:
            self._unreported.load(made.id, list(row.unreported))
        else:
            self._unreported.forget(made.id)
        return made

    def read_generation(self, generation_id: str) -> GenerationRow | None:
        """Return a generation, and keep it in memory."""
        if self.is_detached or self.is_new:
            return None
        with self.lock:
            body = self._rows.read_generation(self.head.number, generation_id)
            if body is None:
                return None
            row = decode_generation(body)
            self._take(row)
            return row

    def iterate_generations(self) -> Iterator[GenerationRow]:
        """Yield all generations that are kept, in the order of submission."""
        if self.is_detached or self.is_new:
            return iter(())
        with self.lock:
            return map(decode_generation, self._rows.iterate_generations(self.head.number))

    def read_count(self, name: bytes) -> int | None:
        """Return a count."""
        if self.is_detached or self.is_new:
            return None
        if self._known_counts is not None:
            return self._known_counts.get(name)
        with self.lock:
            # After many no other process seems to use the workspace any more.
            self._counts_read += 1
            if not self._generations.count <= self._counts_read * _COUNTS_AT_ONCE <= _MAX_KNOWN:
                return self._rows.read_count(self.head.number, name)
            self._known_counts = self._rows.read_counts(self.head.number)
            return self._known_counts.get(name)

    def read_counts(self) -> dict[bytes, int]:
        """Return all counts."""
        if self.is_detached or self.is_new:
            return {}
        with self.lock:
            return self._rows.read_counts(self.head.number)

    def read_effects(self) -> list[str]:
        """Return the rows of the ledger's entries."""
        if self.is_detached or self.is_new:
            return []
        with self.lock:
            return self._rows.read_effects(self.head.number)

    def read_exchanges(self, first: int, limit: int) -> list[bytes]:
        """Return at most `limit` rows of exchanges, from that with number `first` on."""
        return self._rows.read_exchanges(self.head.number, first, limit)

    def read_weights(self, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the last number and the sizes of at most `limit` rows, from `first` on."""
        return self._rows.read_weights(self.head.number, first, limit)

    def read_steps(self) -> list[str]:
        """Return the control commands that are kept."""
        return self._rows.read_steps(self.head.number)

    # Writing -------------------------------------------------------------------------------------

    def collect(self, used: float) -> Changes | None:
        """Return what the unit of work has changed, None for nothing; `used` is the real time."""
        self.journal.drop_oldest()
        version = self.head.version + 1
        recent = [
            *self._recent,
            *([version, each, each in self._charged] for each in self._changed),
        ][-_RECENT:]
        core = encode_core(self.workspace, self._entries, self.journal, recent)
        fingerprint = build_fingerprint(self.workspace)
        plan_changed = fingerprint != self._fingerprint
        nothing = core == self._core and not (plan_changed or self._changed or self._counts)
        if nothing:
            return None
        plan = encode_plan(self.workspace, self.base) if plan_changed else self._plan
        changes = Changes(
            self.head._replace(version=version, used=used, core=core, plan=plan),
            plan_changed=plan_changed,
            anew=self.is_new,
            generations={name: self._encode(name) for name in self._changed},
            counts=dict(self._counts),
            exchanges=self.journal.encode_added(),
            steps={each.number: encode_step(each) for each in self.journal.added_steps},
        )
        self._collect_effects(changes)
        self._collect_deletions(changes)
        return changes

    def _collect_effects(self, changes: Changes) -> None:
        entries = self._entries
        if entries.added:
            first = entries.total - len(entries.added)
            changes.effects = {first: encode_effects(entries.added)}
            # A row may have several effects: it goes when the last of them does.
            if first // 1000 != entries.total // 1000:
                changes.first_effect = max(entries.cleared, entries.total - MAX_ENTRIES - 1000)

    def _collect_deletions(self, changes: Changes) -> None:
        journal = self.journal
        if journal.first - self._deleted_below >= _DELETED_AT_ONCE or not len(journal):
            changes.first_exchange = self._deleted_below = journal.first
        if journal.first_step > self._steps_deleted_below:
            changes.first_step = self._steps_deleted_below = journal.first_step

    def _encode(self, generation_id: str) -> tuple[str, bool]:
        charged = self._charged.get(generation_id)
        row = GenerationRow(
            self._generations[generation_id],
            charged,
            self._polls.get(generation_id, 0),
            self._unreported.get(generation_id, ()),
            len(self._generations),
        )
        return encode_generation(row), charged is not None

    def note_kept(self, changes: Changes) -> None:
        """Note that a unit of work was kept."""
        self.head = changes.head
        self.is_new = False
        self._core, self._plan = changes.head.core, changes.head.plan
        self._recent.extend(
            (changes.head.version, name, pending)
            for name, (_, pending) in changes.generations.items()
        )
        if changes.plan_changed:
            self._fingerprint = build_fingerprint(self.workspace)
        self._changed.clear()
        if self._known_counts is not None:
            self._known_counts |= self._counts
            if len(self._known_counts) > _MAX_KNOWN:
                self._known_counts = None
        self._counts.clear()
        self._entries.added.clear()
        self.journal.note_kept()
        for each in self._generations.end_unit(self._charged):
            self._unreported.forget(each)

    # Replacement ---------------------------------------------------------------------------------

    def detach(self) -> None:
        """Leave the workspace as it is in memory to those that hold it, and release them."""
        if self.is_detached:
            return
        self._changed.clear()
        self.is_detached = True
        self.is_joined = False
        self.workspace.retire()
