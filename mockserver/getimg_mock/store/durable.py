"""A store whose workspaces are in rows: units of work, and the workspaces of this process."""

from __future__ import annotations

from collections import OrderedDict
from threading import get_ident
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from getimg_mock.errors import StoreBusyError
from getimg_mock.store.change_watcher import ChangeWatcher
from getimg_mock.store.rows import Head
from getimg_mock.store.stored_workspace import StoredWorkspace
from getimg_mock.store.units import UnitsOfWork
from getimg_mock.store.workspace_rows import decode_identity
from getimg_mock.world.clock import stopwatch, wall_seconds
from getimg_mock.world.identities import KeyStandIn, derive_workspace_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.errors import StoreError
    from getimg_mock.settings import Settings
    from getimg_mock.store.rows import HeadVersion, Rows
    from getimg_mock.store.stored_journal import StoredJournal
    from getimg_mock.world.identities import Identity
    from getimg_mock.world.workspaces import Workspace


_MAX_SESSIONS: Final = 1_000
# Real seconds for which the change of another process makes this one release workspaces at once.
_SHARED_SECONDS: Final = 1.0


class DurableStore(UnitsOfWork):
    """Keeps workspaces in rows; processes with the same rows share them.

    `make` creates the workspace of a key in memory. A unit of work begins when the lock of a
    workspace is entered, or with `batch`, and ends when the outermost one is left. Then all of its
    changes are kept, or none, and none when an error that is not ours ended it.
    """

    is_durable = True

    def __init__(
        self, rows: Rows, make: Callable[[str], Workspace], base: Settings, *, bound: int
    ) -> None:
        super().__init__()
        self._rows = rows
        self._make = make
        self._base = base
        self._bound = bound
        self._joined: dict[str, StoredWorkspace] = {}
        # What was looked for last.
        self._found: StoredWorkspace | None = None
        # Until when workspaces count as shared with other processes, by the stopwatch.
        self._shared_until = 0.0
        self._recent: OrderedDict[str, StoredWorkspace] = OrderedDict()
        self._sessions: WeakValueDictionary[str, StoredWorkspace] = WeakValueDictionary()
        self._watcher = ChangeWatcher(self, self._lock)

    # Workspaces ----------------------------------------------------------------------------------

    def get_or_create(self, key: str) -> Workspace:
        """Return the workspace of `key`; creates it on first use."""
        found = self._found
        if (
            found is not None
            and found.is_joined
            and found.workspace.key is key
            and self._owner == get_ident()
        ):
            # As below, for a further request with the same head.
            self._joined_now += 1
            return found.workspace
        workspace_id = derive_workspace_id(key)
        if self._owner == get_ident():
            # As below, for a further request of the same group.
            session = self._joined.get(workspace_id)
            if session is not None and session.is_joined and session.workspace.key == key:
                self._joined_now += 1
                self._found = session
                # The same object from now on, which the next request is recognized by.
                session.workspace.key = key
                return session.workspace
        with self._unit:
            session = self._find(workspace_id, key)
            if session is None:
                session = self._create(self._make(key))
                self._rows.delete_oldest(self._bound, list(self._joined))
                # No other unit may begin to use what this one deletes.
                self._is_last = True
            return session.workspace

    def find_by_id(self, workspace_id: str) -> Workspace | None:
        """Return the workspace of that id, or None."""
        with self._unit:
            session = self._find(workspace_id)
            return None if session is None else session.workspace

    def find_holders(self, generation_id: str) -> list[Workspace]:
        """Return the workspaces that have a generation of that id."""
        with self._unit:
            self._ensure_begun()
            found = {
                each.head.id: each
                for each in self._joined.values()
                if not each.is_detached and generation_id in each.workspace.generations
            }
            for workspace_id in self._rows.find_holders(generation_id):
                session = self._find(workspace_id)
                if session is not None:
                    found[workspace_id] = session
            return [each.workspace for each in found.values()]

    def renew(self, workspace: Workspace | str) -> Workspace:
        """Replace a workspace, or that of a key, by a new one, and return that."""
        if isinstance(workspace, str):
            return self.replace(self._make(workspace))
        made = self._make(workspace.key)
        if isinstance(workspace.key, KeyStandIn):
            made.identity, made.seed = workspace.identity, workspace.seed
        return self.replace(made)

    def replace(self, workspace: Workspace) -> Workspace:
        """Replace the workspace that has the same id, and return the one that is kept."""
        with self._unit:
            old = self._find(workspace.identity.id)
            session = self._create(workspace, old)
            if old is not None:
                old.detach()
            return session.workspace

    def rebase(self, settings: Settings) -> None:
        """Take `settings` for those that workspaces begin with, which are not kept with each."""
        with self._unit:
            self._base = settings
            for each in [*self._sessions.values(), *self._joined.values()]:
                each.base = settings

    def __iter__(self) -> Iterator[Workspace]:
        """Iterate over the current workspaces, the last used one last."""
        with self._unit:
            self._ensure_begun()
            heads = self._rows.list_heads()
            new = [each for each in self._joined if self._joined[each].is_new]
        for workspace_id in dict.fromkeys([*(each.id for each in heads), *new]):
            found = self.find_by_id(workspace_id)
            if found is not None:
                yield found

    def _find(self, workspace_id: str, key: str | None = None) -> StoredWorkspace | None:
        session = self._joined.get(workspace_id) or self._sessions.get(workspace_id)
        journal = None
        if session is not None:
            self._join(session)
            journal = session.journal
        if session is None or session.is_detached:
            session = self._read(workspace_id, key, journal)
        if session is not None:
            if key is not None and not isinstance(key, KeyStandIn):
                session.workspace.key = key
            self._remember(session)
        self._found = session
        return session

    def _read(
        self, workspace_id: str, key: str | None, journal: StoredJournal | None
    ) -> StoredWorkspace | None:
        self._ensure_begun()
        # Its version first: where nothing else locks a workspace, that does.
        found = self._lock_workspace(workspace_id)
        head = None if found is None else self._rows.read_head(workspace_id)
        if head is None:
            return None
        identity, magic = decode_identity(head)
        known = key or magic or KeyStandIn.of(head.id, head.shown_key)
        session = self._build(head, identity, known, journal)
        self._join(session)
        return session

    def _create(self, plain: Workspace, old: StoredWorkspace | None = None) -> StoredWorkspace:
        self._ensure_begun()
        identity = plain.identity
        if old is None:
            number, version, epoch = self._rows.allocate_number(), 0, 1
        else:
            number, version, epoch = old.head.number, old.head.version, old.head.epoch + 1
        head = Head(identity.id, number, identity.shown_key, version, epoch, 0.0, "", "")
        journal = None if old is None else old.journal
        session = self._build(head, identity, plain.key, journal)
        self._take_in(session)
        session.adopt(plain)
        self._remember(session)
        return session

    def _build(
        self, head: Head, identity: Identity, key: str, journal: StoredJournal | None
    ) -> StoredWorkspace:
        return StoredWorkspace(
            self._rows, head, self._base, self, identity=identity, key=key, journal=journal
        )

    def _remember(self, session: StoredWorkspace) -> None:
        self._sessions[session.head.id] = session
        self._recent[session.head.id] = session
        self._recent.move_to_end(session.head.id)
        if len(self._recent) > _MAX_SESSIONS:
            self._recent.popitem(last=False)

    # Units of work -------------------------------------------------------------------------------

    def enter(self, session: StoredWorkspace) -> None:
        """Begin a unit of work, or continue the one of this thread, with this workspace in it."""
        if session.is_joined and self._owner == get_ident():
            # As below, for the methods of a workspace that enter it again.
            self._depth += 1
            self._joined_now += 1
            return
        self._begin()
        try:
            self._join(session)
        except BaseException as error:
            self.leave(error)
            raise

    def touch(self, session: StoredWorkspace) -> None:
        """Take the workspace into the unit of work of this thread, if there is one."""
        if self._owner == get_ident():
            self._join(session)

    def _join(self, session: StoredWorkspace) -> None:
        workspace_id = session.head.id
        if session.is_detached or self._joined.get(workspace_id) is session:
            self._joined_now += 1
            return
        self._ensure_begun()
        found = self._lock_workspace(workspace_id)
        if found is None or (found.number, found.epoch) != (
            session.head.number,
            session.head.epoch,
        ):
            session.detach()
            return
        self._take_in(session)
        if session.incarnation != self._rows.incarnation:
            session.incarnation = self._rows.incarnation
            session.forget()
        if found.version != session.head.version or not session.is_loaded:
            if session.is_loaded:
                self._shared_until = stopwatch() + _SHARED_SECONDS
            session.load(found)

    def _take_in(self, session: StoredWorkspace) -> None:
        self._joined[session.head.id] = session
        session.is_joined = True

    def _has_changed(self) -> bool:
        """Return whether the unit of work has changed more than the journal."""
        return self._is_broken or (self._found is not None and self._found.has_changed)

    def _is_shared(self) -> bool:
        """Return whether other processes have changed the same workspaces lately."""
        return self._rows.locks_everything or stopwatch() < self._shared_until

    def _lock_workspace(self, workspace_id: str) -> HeadVersion | None:
        """Lock a workspace in the rows, and return its version.

        The workspaces of earlier units of the group are released before it waits: two processes
        must not each wait for what the other one holds.
        """
        if self._group is not None and self._joined and not self._joined_now:
            try:
                return self._take_version(workspace_id, waits=False)
            except StoreBusyError:
                loop = self._group.loop
                self._end_group()
                self._open_group(loop)
                self._ensure_begun()
        return self._take_version(workspace_id, waits=True)

    def _take_version(self, workspace_id: str, *, waits: bool) -> HeadVersion | None:
        found = self._rows.read_version(workspace_id, waits=waits)
        self._joined_now += 1
        return found

    def _ensure_begun(self) -> None:
        if not self._has_begun:
            self._rows.begin()
            self._has_begun = True

    def _end(self, failed: Callable[[StoreError], object] | None = None) -> None:
        joined, broken = list(self._joined.values()), self._is_broken
        try:
            if self._has_begun and not broken:
                self._keep(joined, failed)
        except BaseException:
            broken = True
            raise
        finally:
            if self._has_begun and broken:
                self._rows.roll_back()
                self._forget(joined)
            for session in joined:
                session.is_joined = False
            self._joined.clear()
            self._found = None
            self._has_begun = self._is_broken = self._is_last = False

    def _keep(
        self, joined: list[StoredWorkspace], failed: Callable[[StoreError], object] | None
    ) -> None:
        used, kept = wall_seconds(), []
        for session in joined:
            changes = None if session.is_detached else session.collect(used)
            if changes is not None:
                kept.append((session, changes))
        if not all(changes.are_of_the_journal for _, changes in kept):
            failed = None
        self._rows.commit([changes for _, changes in kept], failed)
        for session, changes in kept:
            session.note_kept(changes)

    def _forget(self, sessions: list[StoredWorkspace]) -> None:
        for session in sessions:
            if session.is_new:
                self._recent.pop(session.head.id, None)
                self._sessions.pop(session.head.id, None)
            session.forget()

    # Other processes -----------------------------------------------------------------------------

    def watch(self) -> None:
        """Look for what other processes change, from now on: something waits for it."""
        self._watcher.begin()

    def list_awaited(self) -> list[StoredWorkspace]:
        """Return the workspaces of which something waits for what other processes do."""
        return [each for each in list(self._sessions.values()) if each.is_awaited]

    def look_at(self, session: StoredWorkspace) -> None:
        """Bring a workspace up to date if another process has changed it."""
        with self._unit:
            if self._has_begun or session.is_detached:
                return
            found = self._rows.look_up_version(session.head.id)
        if found is None or found[1:] != (session.head.version, session.head.epoch):
            # Finding it brings it up to date, which wakes what waits on it.
            self.find_by_id(session.head.id)

    def close(self) -> None:
        """Stop looking, and close the rows."""
        self._watcher.end()
        with self._lock:
            self._end_group()
            self._rows.close()
