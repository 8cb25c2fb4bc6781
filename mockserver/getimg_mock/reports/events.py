"""The event stream of a run, read: what every report is made from."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

Event = dict[str, Any]

ORDER: Final = ("FAIL", "XPASS", "WARN", "STALE", "VOID", "SKIP", "INFO", "XFAIL", "PASS")
"""Statuses from the most urgent to the least."""


@dataclass(slots=True)
class Outcome:
    """One run as its events tell it."""

    start: Event = field(default_factory=dict)
    end: Event = field(default_factory=dict)
    verdicts: list[Event] = field(default_factory=list)
    plans: list[Event] = field(default_factory=list)
    skipped: list[Event] = field(default_factory=list)
    budget: Event = field(default_factory=dict)

    @property
    def target(self) -> str:
        """What was judged."""
        return str(self.start.get("target", "?"))

    @property
    def failures(self) -> list[Event]:
        """The verdicts that fail the run."""
        return [each for each in self.verdicts if each["status"] in {"FAIL", "XPASS"}]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def counts(self) -> dict[str, int]:
        """Return how many verdicts of each status there are, the most urgent first."""
        found: dict[str, int] = {}
        for verdict in self.verdicts:
            found[verdict["status"]] = found.get(verdict["status"], 0) + 1
        return {status: found[status] for status in ORDER if status in found}


def read(events: Iterable[Event]) -> list[Outcome]:
    """Return the runs that a stream holds, one for each `start`."""
    outcomes: list[Outcome] = []
    for event in events:
        kind = event.get("event")
        if kind == "start":
            outcomes.append(Outcome(start=event))
        elif outcomes:
            _add(outcomes[-1], str(kind), event)
    return outcomes


def _add(outcome: Outcome, kind: str, event: Event) -> None:
    if kind == "verdict":
        outcome.verdicts.append(event)
    elif kind == "plan":
        outcome.plans.append(event)
    elif kind == "skip":
        outcome.skipped.append(event)
    elif kind == "budget":
        outcome.budget = event
    elif kind == "end":
        outcome.end = event


def parsed(text: str) -> list[Event]:
    """Return the events of NDJSON text; raises `SettingsError` that names the bad line."""
    events = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except ValueError:
            raise SettingsError(f"line {number} is not JSON: is this an event stream?") from None
        if not isinstance(event, dict) or "event" not in event:
            raise SettingsError(f"line {number} is no event of a run.")
        events.append(event)
    return events
