"""A store in memory: creates workspaces on first use, and bounds their number."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from getimg_mock.world.workspaces import Workspace


class MemoryStore:
    """Keeps at most `bound` workspaces; one more drops the least recently used.

    `make` creates the workspace of a key. Thread-safe.
    """

    def __init__(self, make: Callable[[str], Workspace], *, bound: int) -> None:
        self._make = make
        self._bound = bound
        self._lock = threading.Lock()
        self._workspaces: OrderedDict[str, Workspace] = OrderedDict()

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

    def find_holders(self, generation_id: str) -> Iterator[Workspace]:
        """Yield the workspaces that have a generation of that id."""
        with self._lock:
            found = [
                each for each in self._workspaces.values() if generation_id in each.generations
            ]
        yield from found

    def renew(self, key: str) -> Workspace:
        """Replace the workspace of `key` by a new one, and return it."""
        fresh = self._make(key)
        self.replace(fresh)
        return fresh

    def replace(self, workspace: Workspace) -> None:
        """Replace the workspace that has the same key by `workspace`."""
        with self._lock:
            replaced = self._workspaces.get(workspace.key)
            self._keep(workspace)
        if replaced is not None and replaced is not workspace:
            replaced.retire()

    def _keep(self, workspace: Workspace) -> None:
        self._workspaces[workspace.key] = workspace
        self._workspaces.move_to_end(workspace.key)
        while len(self._workspaces) > self._bound:
            self._workspaces.popitem(last=False)

    def __iter__(self) -> Iterator[Workspace]:
        with self._lock:
            return iter(list(self._workspaces.values()))

    def __len__(self) -> int:
        return len(self._workspaces)
