"""The rows of which a durable store consists, and what a place that keeps them can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from getimg_mock.errors import StoreError

FORMAT: Final = 3
"""The format of the rows; a store of another one is refused."""


class Head(NamedTuple):
    """The row of a workspace.

    `number` names it in other rows. `version` rises with every change; `epoch` with every
    replacement of the whole workspace. `used` is the real time of the last change in Unix seconds.
    `core` is JSON that most requests change, `plan` JSON that few do.
    """

    id: str
    number: int
    shown_key: str
    version: int
    epoch: int
    used: float
    core: str
    plan: str


class HeadVersion(NamedTuple):
    """What says whether a workspace has changed: see `Head`."""

    number: int
    version: int
    epoch: int


@dataclass(slots=True)
class Changes:
    """What one unit of work changes in a workspace.

    None leaves a value as it is. `generations` are the rows by id, each with whether it is pending.
    `counts` are by name. `effects`, `exchanges` and `steps` are by number, a row of several
    exchanges by that of its last, with the size of each in ASCII, separated by commas; numbers
    below `first_effect`, `first_exchange` and `first_step` are deleted. With `anew`, everything but
    the exchanges and steps is deleted before.
    """

    head: Head
    plan_changed: bool = False
    anew: bool = False
    generations: dict[str, tuple[str, bool]] = field(default_factory=dict)
    counts: dict[bytes, int] = field(default_factory=dict)
    effects: dict[int, str] = field(default_factory=dict)
    exchanges: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    steps: dict[int, str] = field(default_factory=dict)
    first_effect: int | None = None
    first_exchange: int | None = None
    first_step: int | None = None

    @property
    def are_of_the_journal(self) -> bool:
        """Whether nothing changes but the journal of exchanges."""
        more = (self.generations, self.counts, self.effects, self.steps)
        return not (self.plan_changed or self.anew or any(more))


class Rows(Protocol):
    """A place that keeps rows. Every method raises `StoreError` when the place cannot be used.

    Between `read_version` of a workspace and `commit` or `roll_back`, no other process changes it;
    `commit` keeps all changes or none. One thread at a time calls it. `incarnation` rises when the
    place may have gone back to an earlier state, so that what is in memory is to be read anew.
    """

    @property
    def incarnation(self) -> int:
        """How often the place may have been started again."""

    @property
    def locks_everything(self) -> bool:
        """Whether a unit of work keeps other processes from all workspaces, not from its own."""

    def begin(self) -> None:
        """Begin a unit of work."""

    def commit(
        self, changes: list[Changes], failed: Callable[[StoreError], object] | None = None
    ) -> None:
        """End the unit of work, and keep its changes.

        With `failed` it may return before they are kept; they are kept before another unit of work
        reads. Where they cannot be, `failed` is called with the error.
        """

    def roll_back(self) -> None:
        """End the unit of work without changes; raises nothing."""

    def read_version(self, workspace_id: str, *, waits: bool = True) -> HeadVersion | None:
        """Lock a workspace for the unit of work; return its version, None for an unknown one.

        Raises `StoreBusyError` where another process holds it, at once unless it `waits`.
        """

    def look_up_version(self, workspace_id: str) -> HeadVersion | None:
        """Return the version of a workspace, outside a unit of work."""

    def read_head(self, workspace_id: str) -> Head | None:
        """Return the row of a workspace."""

    def list_heads(self) -> list[Head]:
        """Return the rows of all workspaces, the last used one last."""

    def allocate_number(self) -> int:
        """Return the number of a new workspace."""

    def count_workspaces(self) -> int:
        """Return the number of workspaces."""

    def delete_workspace(self, workspace_id: str) -> None:
        """Delete a workspace with all its rows, when the unit of work is kept."""

    def delete_oldest(self, bound: int, kept_ids: Collection[str]) -> None:
        """Delete the least recently used workspaces, so that `bound` are left at the end.

        It counts the one that the unit of work adds. Those of `kept_ids` stay, and it may leave
        others that are in use.
        """

    def read_generation(self, number: int, generation_id: str) -> str | None:
        """Return the row of a generation."""

    def read_pending(self, number: int) -> list[str]:
        """Return the rows of the pending generations, in the order of submission."""

    def iterate_generations(self, number: int) -> Iterator[str]:
        """Yield the rows of all generations in the order of submission."""

    def find_holders(self, generation_id: str) -> list[str]:
        """Return the ids of the workspaces that have a generation of that id."""

    def read_count(self, number: int, name: bytes) -> int | None:
        """Return a count."""

    def read_counts(self, number: int) -> dict[bytes, int]:
        """Return all counts."""

    def read_effects(self, number: int) -> list[str]:
        """Return the rows of effects, oldest first."""

    def read_exchanges(self, number: int, first: int, limit: int) -> list[bytes]:
        """Return at most `limit` rows of exchanges, from that with number `first` on."""

    def read_weights(self, number: int, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Return the last number and the sizes of at most `limit` rows, as `read_exchanges`."""

    def read_steps(self, number: int) -> list[str]:
        """Return the rows of control commands, oldest first."""

    def measure_bytes(self, number: int) -> int:
        """Return about how many bytes the rows of a workspace take."""

    def vacuum(self) -> None:
        """Return free space to the system."""

    def close(self) -> None:
        """Close every connection."""
