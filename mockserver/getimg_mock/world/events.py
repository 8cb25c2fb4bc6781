"""What time brings about in a workspace, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from getimg_mock.world.generations import Generation

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


def find_passed_events(
    generations: Iterable[Generation],
    resets: Iterable[datetime],
    since: datetime,
    until: datetime,
) -> tuple[Event, ...]:
    """Return the events after `since` and up to `until`, in order.

    `resets` are the moments at which rate windows end.
    """
    found = (event for event in _find_events(generations, resets) if since < event.at <= until)
    return tuple(sorted(found, key=lambda event: (event.at, event.kind, event.generation or "")))


def find_next_moment(
    generations: Iterable[Generation], resets: Iterable[datetime], now: datetime
) -> datetime | None:
    """Return when the next event after `now` comes, or None if no event is to come."""
    moments = (event.at for event in _find_events(generations, resets))
    return min((moment for moment in moments if moment > now), default=None)


def _find_events(generations: Iterable[Generation], resets: Iterable[datetime]) -> Iterator[Event]:
    for generation in generations:
        ending, gone = generation.ending, generation.deletes_at
        if ending is None:
            continue
        if ending.failure is not None:
            yield Event(ending.at, "generation.failed", generation.id)
            continue
        yield Event(ending.at, "generation.completed", generation.id)
        if gone is not None:
            yield Event(gone, "link.expired", generation.id)
    for moment in resets:
        yield Event(moment, "window.reset")
