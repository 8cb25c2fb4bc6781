"""What time brings about in a workspace, in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from getimg_mock.world.clock import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from getimg_mock.world.workspaces import Workspace

EventKind = Literal["generation.completed", "generation.failed", "link.expired", "window.reset"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that time brought about; `generation` is None for a rate window."""

    at: datetime
    kind: EventKind
    generation: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the event as control answers show it."""
        return {"at": self.at.isoformat(), "kind": self.kind, "generation": self.generation}


@dataclass(frozen=True, slots=True)
class Advance:
    """The time after a clock was moved, and the events passed, in order."""

    now: datetime
    events: tuple[Event, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the advance as control answers show it."""
        return {"now": self.now.isoformat(), "events": [event.as_json() for event in self.events]}


def passed(workspace: Workspace, since: datetime, until: datetime) -> tuple[Event, ...]:
    """Return the events after `since` and up to `until`, in order."""
    found = (event for event in _events(workspace) if since < event.at <= until)
    return tuple(sorted(found, key=lambda event: (event.at, event.kind, event.generation or "")))


def next_moment(workspace: Workspace, now: datetime) -> datetime | None:
    """Return when the next event after `now` comes, or None if time brings nothing any more."""
    return min((event.at for event in _events(workspace) if event.at > now), default=None)


def _events(workspace: Workspace) -> Iterator[Event]:
    for generation in workspace.generations.values():
        ending, gone = generation.ending, generation.deletes_at
        if ending is None:
            continue
        if ending.failure is not None:
            yield Event(ending.at, "generation.failed", generation.id)
            continue
        yield Event(ending.at, "generation.completed", generation.id)
        if gone is not None:
            yield Event(gone, "link.expired", generation.id)
    length = workspace.limiter.limits.window
    for window in {number for number, _ in workspace.limiter.counts().values()}:
        yield Event(EPOCH + timedelta(seconds=(window + 1) * length), "window.reset")
