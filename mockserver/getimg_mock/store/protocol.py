"""The interface of a store of workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.world.workspaces import Workspace


class Store(Protocol):
    """Keeps one workspace per key."""

    def get_or_create(self, key: str) -> Workspace:
        """Return the workspace of `key`; creates it on first use."""

    def find_holders(self, generation_id: str) -> Iterable[Workspace]:
        """Return the workspaces that have a generation of that id."""

    def renew(self, key: str) -> Workspace:
        """Replace the workspace of `key` by a new one, and return it."""

    def replace(self, workspace: Workspace) -> None:
        """Replace the workspace that has the same key by `workspace`."""

    def __iter__(self) -> Iterator[Workspace]:
        """Iterate over the current workspaces."""
