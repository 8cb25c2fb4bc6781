"""The interface of a store of workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable, Iterator
    from contextlib import AbstractContextManager

    from getimg_mock.settings import Settings
    from getimg_mock.world.workspaces import Workspace

_Result = TypeVar("_Result")


class Store(Protocol):
    """Keeps one workspace per key.

    A unit of work begins when the lock of a workspace is entered, as each method of a workspace
    does, and ends when the outermost lock is left. A durable store keeps all changes of a unit of
    work at its end, or none, and raises `StoreError` for none. Until then it reads what the unit
    needs, so that a workspace may be held for longer: it is a view of what is kept.
    """

    @property
    def is_durable(self) -> bool:
        """Whether the workspaces are kept when this process ends."""

    def get_or_create(self, key: str) -> Workspace:
        """Return the workspace of `key`; creates it on first use."""

    def find_by_id(self, workspace_id: str) -> Workspace | None:
        """Return the workspace of that id, or None."""

    def find_holders(self, generation_id: str) -> Iterable[Workspace]:
        """Return the workspaces that have a generation of that id."""

    def renew(self, workspace: Workspace | str) -> Workspace:
        """Replace a workspace, or that of a key, by a new one, and return that."""

    def replace(self, workspace: Workspace) -> Workspace:
        """Replace the workspace that has the same key, and return the one that is kept."""

    def rebase(self, settings: Settings) -> None:
        """Take `settings` for those that workspaces begin with, which are not kept with each."""

    def batch(self) -> AbstractContextManager[None]:
        """Make one unit of work of all that happens in the block, which must not suspend."""

    def run(
        self,
        coroutine: Coroutine[Any, Any, _Result],
        *,
        together: bool = False,
        reads: bool = False,
    ) -> Awaitable[_Result]:
        """Make one unit of work of each step of a coroutine, from one suspension to the next.

        With `together`, units of neighbouring turns of the running event loop may be kept by one
        commit. The coroutine has returned when its own is kept. With `reads`, which is for one that
        uses one workspace by its key, it may return before if it has changed only the journal,
        which is kept some milliseconds later.
        """

    def close(self) -> None:
        """Close what the store holds open."""

    def __iter__(self) -> Iterator[Workspace]:
        """Iterate over the current workspaces."""
