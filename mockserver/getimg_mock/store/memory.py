"""A store in memory: creates workspaces on first use, and bounds their number."""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from contextlib import AbstractContextManager

    from getimg_mock.settings import Settings
    from getimg_mock.world.workspaces import Workspace

_Result = TypeVar("_Result")


class MemoryStore:
    """Keeps at most `bound` workspaces; one more drops the least recently used.

    `make` creates the workspace of a key. Thread-safe.
    """

    is_durable = False

    def __init__(self, make: Callable[[str], Workspace], *, bound: int) -> None:
        self._make = make
        self._bound = bound
        self._lock = threading.Lock()
        self._workspaces: OrderedDict[str, Workspace] = OrderedDict()
        self._keys: dict[str, str] = {}

    def get_or_create(self, key: str) -> Workspace:
        """Return the workspace of `key`; creates it on first use."""
        with self._lock:
            workspace = self._workspaces.get(key)
            if workspace is None:
                workspace = self._make(key)
                self._keep(workspace)
            else:
                self._workspaces.move_to_end(key)
            return workspace

    def find_by_id(self, workspace_id: str) -> Workspace | None:
        """Return the workspace of that id, or None."""
        with self._lock:
            return self._workspaces.get(self._keys.get(workspace_id, ""))

    def find_holders(self, generation_id: str) -> Iterator[Workspace]:
        """Yield the workspaces that have a generation of that id."""
        with self._lock:
            found = [
                each for each in self._workspaces.values() if generation_id in each.generations
            ]
        yield from found

    def renew(self, workspace: Workspace | str) -> Workspace:
        """Replace a workspace, or that of a key, by a new one, and return that."""
        return self.replace(self._make(workspace if isinstance(workspace, str) else workspace.key))

    def replace(self, workspace: Workspace) -> Workspace:
        """Replace the workspace that has the same key by `workspace`, and return that."""
        with self._lock:
            replaced = self._workspaces.get(workspace.key)
            self._keep(workspace)
        if replaced is not None and replaced is not workspace:
            replaced.retire()
        return workspace

    def rebase(self, settings: Settings) -> None:
        """Do nothing: each workspace has its settings."""

    def batch(self) -> AbstractContextManager[None]:
        """Return a block that does nothing: the methods of a workspace are atomic one by one."""
        return nullcontext()

    def run(
        self,
        coroutine: Coroutine[Any, Any, _Result],
        *,
        together: bool = False,
        reads: bool = False,
    ) -> Coroutine[Any, Any, _Result]:
        """Return the coroutine itself."""
        del together, reads
        return coroutine

    def close(self) -> None:
        """Do nothing."""

    def _keep(self, workspace: Workspace) -> None:
        self._workspaces[workspace.key] = workspace
        self._workspaces.move_to_end(workspace.key)
        self._keys[workspace.identity.id] = workspace.key
        while len(self._workspaces) > self._bound:
            _, dropped = self._workspaces.popitem(last=False)
            self._keys.pop(dropped.identity.id, None)

    def __iter__(self) -> Iterator[Workspace]:
        with self._lock:
            return iter(list(self._workspaces.values()))

    def __len__(self) -> int:
        return len(self._workspaces)
