"""The event stream of a run: reading and writing it; every report is made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from getimg_mock import schemas
from getimg_mock.errors import SettingsError
from getimg_mock.reports.printable_text import escape_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

RunEvent = dict[str, Any]

ORDER: Final = ("FAIL", "XPASS", "WARN", "STALE", "VOID", "SKIP", "INFO", "XFAIL", "PASS")
"""Statuses from the most urgent to the least."""

TITLES: Final = {"provider": "Provider contract", "client": "Client contract"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run, by its events; `source` is the file that keeps them, if any."""

    events: tuple[RunEvent, ...]
    source: str = ""

    @property
    def start(self) -> RunEvent:
        """The first event: what is judged, and by what."""
        return self.events[0]

    @property
    def end(self) -> RunEvent:
        """The last event; empty where the run was broken off."""
        return self._find_last("end")

    @property
    def budget(self) -> RunEvent:
        """What the run has spent; empty where nothing could cost."""
        return self._find_last("budget")

    @property
    def verdicts(self) -> list[RunEvent]:
        """The verdicts, in the order of the checks."""
        return self._select("verdict")

    @property
    def plans(self) -> list[RunEvent]:
        """The plans, or the cases, that were run."""
        return self._select("plan", "case")

    @property
    def skipped(self) -> list[RunEvent]:
        """The plans that could not be run, with the reason."""
        return self._select("skip")

    def _select(self, *kinds: str) -> list[RunEvent]:
        return [each for each in self.events if each["event"] in kinds]

    def _find_last(self, kind: str) -> RunEvent:
        return next((each for each in reversed(self.events) if each["event"] == kind), {})

    @property
    def target(self) -> str:
        """What was judged."""
        return str(self.start.get("target", "?"))

    @property
    def kind(self) -> str:
        """By which contract: that of a provider, or that of a client."""
        return str(self.start.get("kind", "provider"))

    @property
    def twin(self) -> bool:
        """Whether this is the fake that another target is compared with: it fails nothing."""
        return bool(self.start.get("twin"))

    @property
    def scorecard(self) -> str:
        """The verdict on a client in one line; an empty text for a provider."""
        return str(self.end.get("scorecard", ""))

    @property
    def circumstances(self) -> str:
        """When, how long and by which version it was run, and on what; in one line.

        Streams of earlier versions lack some of it.
        """
        began, seconds = self.start.get("at"), self.end.get("seconds")
        address = self.start.get("url") or ("a fake of its own" if self.start.get("own") else "")
        parts = [
            f"{datetime.fromisoformat(began):%Y-%m-%d %H:%M} UTC" if began else "",
            "" if seconds is None else f"{seconds:.1f} s",
            str(self.start.get("product", "")),
            f"on {address}" if address else "",
        ]
        return ", ".join(each for each in parts if each)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Sentences on the checks that the run was told, or had, to leave out."""
        return tuple(self.start.get("left_out", ()))

    @property
    def unjudged(self) -> tuple[str, ...]:
        """Sentences on what was asked for and could not be judged, each with its reason."""
        return tuple(self.end.get("unjudged", ()))

    @property
    def untried(self) -> tuple[str, ...]:
        """Sentences on what a run of this tier does not try, and how to try it."""
        return tuple(self.end.get("untried", ()))

    @property
    def unjudged_checks(self) -> dict[str, list[str]]:
        """The ids of the checks without a verdict (VOID, SKIP), by the reason."""
        found: dict[str, list[str]] = {}
        for verdict in self.verdicts:
            if verdict["status"] in {"VOID", "SKIP"}:
                reason = verdict["reason"] or "nothing that was exchanged applies to it"
                found.setdefault(reason, []).append(verdict["id"])
        return found

    @property
    def spent(self) -> str:
        """How many US dollars of real money the run has spent, at most."""
        return str(self.budget.get("spent", "0"))

    @property
    def failures(self) -> list[RunEvent]:
        """The verdicts that fail the run."""
        return [each for each in self.verdicts if each["status"] in {"FAIL", "XPASS"}]

    @property
    def broken(self) -> list[RunEvent]:
        """The verdicts that need attention, the most urgent first."""
        urgent = [each for each in self.verdicts if each["status"] in {"FAIL", "XPASS", "WARN"}]
        return sorted(urgent, key=lambda each: (ORDER.index(each["status"]), each["id"]))

    @property
    def remarks(self) -> list[tuple[str, str, str]]:
        """Notes, and breaches that fail nothing: status, id and a sentence."""
        return [
            (verdict["status"], verdict["id"], sentence)
            for verdict in self.verdicts
            for sentence in _collect_remarks(verdict)
        ]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.twin or not self.failures

    def count_statuses(self) -> dict[str, int]:
        """Return how many verdicts of each status there are, the most urgent first."""
        found: dict[str, int] = {}
        for verdict in self.verdicts:
            found[verdict["status"]] = found.get(verdict["status"], 0) + 1
        return {status: found[status] for status in ORDER if status in found}


def _collect_remarks(verdict: RunEvent) -> list[str]:
    if verdict["failures"] and verdict["status"] in {"INFO", "STALE", "XFAIL"}:
        first = verdict["failures"][0]
        return [f"expected {first['expected']}, actual {first['actual']}"]
    notes = "; ".join(dict.fromkeys(verdict.get("notes", ())))
    return [notes] if notes else []


def list_senders(failure: RunEvent) -> list[str]:
    """Return the tests, or programs, that sent the requests of a failure of an observed client."""
    return [str(each) for each in failure.get("client", {}).get("sent_by", ())]


def list_call_sites(failure: RunEvent) -> list[str]:
    """Return the files and lines, as `file:line`, whose calls sent the requests of a failure."""
    return [str(each) for each in failure.get("client", {}).get("called_at", ())]


def compose_title(outcomes: Iterable[Outcome]) -> str:
    """Return what a report on these runs is called."""
    kinds = {outcome.kind for outcome in outcomes}
    return TITLES[kinds.pop()] if len(kinds) == 1 else "Contracts"


def label_outcomes(outcomes: Iterable[Outcome]) -> list[str]:
    """Return a label for each run: its target, numbered where several runs have the same one."""
    names = [outcome.target for outcome in outcomes]
    return [
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]


def read_outcomes(events: Iterable[RunEvent], *, source: str = "") -> list[Outcome]:
    """Return the runs that a stream holds, one for each `start`."""
    runs: list[list[RunEvent]] = []
    for event in events:
        if event["event"] == "start":
            runs.append([event])
        elif runs:
            runs[-1].append(event)
    return [Outcome(tuple(run), source) for run in runs]


def parse_events(text: str) -> list[RunEvent]:
    """Return the events of NDJSON text.

    Raises `SettingsError`, which names the line, for a line that does not match the published
    schema of events.
    """
    events = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            raise SettingsError(f"line {number} is not JSON: is this an event stream?") from None
        flaws = [
            each
            for each in schemas.violations("own/contract-events", event)
            if each.keyword != "unicode"
        ]  # a lone surrogate comes from an answer
        if flaws:
            where = f" at {flaws[0].path}" if flaws[0].path else ""
            raise SettingsError(
                f"line {number} is not an event of a run{where}: {flaws[0].message}."
            )
        events.append(event)
    return events


def render_ndjson(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield each event as a line of NDJSON."""
    for event in events:
        yield _render_line(event) + "\n"


def _render_line(event: Mapping[str, Any]) -> str:
    line = json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str)
    return line if line.isprintable() else escape_json(line)
