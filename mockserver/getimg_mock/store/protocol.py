"""What the API asks of a place where workspaces live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from getimg_mock.world.workspaces import Workspace


class Store(Protocol):
    """Keeps one workspace a key."""

    def workspace(self, key: str) -> Workspace:
        """Return the workspace of `key`, made now if there is none."""

    def holders(self, generation_id: str) -> Iterable[Workspace]:
        """Return the workspaces that hold a generation of that id."""

    def renew(self, key: str) -> Workspace:
        """Put a new workspace in the place of the one of `key`, and return it."""

    def replace(self, workspace: Workspace) -> None:
        """Put `workspace` in the place of the one with its key."""

    def __iter__(self) -> Iterator[Workspace]:
        """Go through the workspaces that there are now."""
