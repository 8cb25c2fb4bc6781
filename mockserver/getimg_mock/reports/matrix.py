"""One HTML page: checks down, targets or clients across. It needs no network and no script.

This module gathers what the page shows; `html_page.py` and its template say how it looks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.reports.html_page import count_things, render_page
from getimg_mock.reports.replays import build_replay_command, describe_script
from getimg_mock.reports.run_events import (
    ORDER,
    compose_title,
    label_outcomes,
    list_call_sites,
    list_senders,
)
from getimg_mock.reports.tables import render_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from getimg_mock.reports.run_events import Outcome, RunEvent

TOPICS: Final = {
    "GP1": "Wire and schema",
    "GP2": "Input",
    "GP3": "Life of a generation",
    "GP4": "Files and links",
    "GP5": "Money",
    "GP6": "Rate limits",
    "GP7": "Keys and isolation",
    "GP8": "Catalogue",
    "GE9": "Fake and real",
    "GH0": "The harness itself",
    "GC1": "How requests are formed",
    "GC2": "Reading answers tolerantly",
    "GC3": "Telling errors to the caller",
    "GC4": "Retries and money",
    "GC5": "Polling",
    "GC6": "Downloads",
    "GC7": "Security",
    "GC8": "Transport",
}
_SEVERITIES: Final = ("blocker", "major", "minor", "info")
_URGENT: Final = ("FAIL", "XPASS", "WARN")


Row = dict[int, "RunEvent"]
"""The verdicts of one check, by column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Score:
    """The scorecard of a client: how many rules of those judged hold, and which blockers fail."""

    edition: str
    held: str
    blockers: str
    remark: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """One run at the head of the page; `bar` has the share of each status in percent."""

    name: str
    score: _Score | None
    counts: dict[str, int]
    bar: Sequence[tuple[str, float]]
    facts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Details:
    """The first failure of a check in one column. Empty `parts` are not shown."""

    column: int
    emphasis: str
    summary: str
    parts: Mapping[str, str]
    outcomes: tuple[str, ...]
    reason: str
    table: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    """One check: in the list of what fails with `urgent`, in its section with the rest."""

    id: str
    statement: str
    level: str
    severity: str
    evidence: str
    urgent: list[tuple[int, RunEvent, str]] = field(default_factory=list)
    verdicts: list[RunEvent | None] = field(default_factory=list)
    details: list[_Details] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """The checks of one topic, and the columns in which any of them was judged."""

    topic: str
    name: str
    columns: list[int]
    rows: list[_Check]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """Everything that the template shows; `word` is what a column is called."""

    title: str
    word: str
    checks: int
    contracts: str
    names: Sequence[str]
    cards: list[_Card]
    broken: list[_Check]
    sections: list[_Section]
    gaps: list[tuple[int, str]]
    remarks: list[tuple[int, str, str, str]]


def as_html(outcomes: Sequence[Outcome]) -> str:
    """Return the page; raises `MissingPackageError` where Jinja2 is not installed."""
    names = label_outcomes(outcomes)
    found: dict[str, Row] = {}
    for column, outcome in enumerate(outcomes):
        for verdict in outcome.verdicts:
            found.setdefault(verdict["id"], {})[column] = verdict
    title = compose_title(outcomes)
    words = {"Client contract": "client", "Provider contract": "target"}
    contracts = dict.fromkeys(str(outcome.start.get("contract", "")) for outcome in outcomes)
    page = _Page(
        title=title,
        word=words.get(title, "run"),
        checks=len(found),
        contracts=", ".join(contracts),
        names=names,
        cards=list(map(_build_card, outcomes, names)),
        broken=_list_broken(found),
        sections=_build_sections(outcomes, found),
        gaps=_list_gaps(outcomes),
        remarks=_list_remarks(outcomes),
    )
    return render_page("matrix.html", page=page)


def _build_card(outcome: Outcome, name: str) -> _Card:
    counts = outcome.count_statuses()
    total = sum(counts.values()) or 1
    bar = [(status, 100 * counts[status] / total) for status in reversed(ORDER) if status in counts]
    return _Card(
        name=name,
        score=_read_score(outcome.scorecard) if outcome.scorecard else None,
        counts=counts,
        bar=bar,
        facts=_describe_facts(outcome),
    )


def _read_score(scorecard: str) -> _Score:
    edition, _, rest = scorecard.partition(": ")
    rest, _, remark = rest.partition("; ")
    held, _, last = rest.partition(", ")
    blockers, _, ids = last.partition(": ")
    parts = {"edition": edition, "held": held, "blockers": blockers, "remark": remark}
    return _Score(**parts, ids=tuple(ids.split()))


def _describe_facts(outcome: Outcome) -> str:
    word = "case" if outcome.kind == "client" else "plan"
    facts = [count_things(outcome.end.get("exchanges", 0), "exchange")]
    if not outcome.twin:
        facts.append(count_things(len(outcome.plans), word))
    if outcome.skipped:
        facts.append(f"{count_things(len(outcome.skipped), 'plan')} skipped")
    facts.append(f"seed {outcome.start.get('seed')}")
    told = ", ".join(facts) + "."
    if outcome.circumstances:
        told += f" {outcome.circumstances}."
    if outcome.budget:
        told += f" At most {outcome.spent} of {outcome.budget['ceiling']} USD were spent."
    return told + (" The fake under the same plans, to compare with." if outcome.twin else "")


def _build_check(row: Row, **parts: Any) -> _Check:
    one = next(iter(row.values()))
    names = ("id", "statement", "level", "severity", "evidence")
    return _Check(**{name: one[name] for name in names}, **parts)


def _list_broken(found: dict[str, Row]) -> list[_Check]:
    """Return the checks that need attention: failures first, of these the blockers."""
    urgent = {
        name: [
            (column, verdict, _describe_verdict(verdict))
            for column, verdict in row.items()
            if verdict["status"] in _URGENT
        ]
        for name, row in found.items()
    }
    order = sorted((min(map(_rank_urgency, found[name].values())), name) for name in found)
    return [_build_check(found[name], urgent=urgent[name]) for _, name in order if urgent[name]]


def _build_sections(outcomes: Sequence[Outcome], found: dict[str, Row]) -> list[_Section]:
    """Return a section for each topic, and one for the checks of none."""
    topics: dict[str, list[str]] = {topic: [] for topic in (*TOPICS, "")}
    for name in sorted(found):
        topics[name[:3] if name[:3] in TOPICS else ""].append(name)
    sections = []
    for topic, ids in topics.items():
        columns = [at for at in range(len(outcomes)) if any(at in found[name] for name in ids)]
        rows = [_build_row(outcomes, found[name], columns) for name in ids]
        name = TOPICS.get(topic, "Others")
        sections.append(_Section(topic=topic, name=name, columns=columns, rows=rows))
    return [section for section in sections if section.rows]


def _build_row(outcomes: Sequence[Outcome], row: Row, columns: Sequence[int]) -> _Check:
    details = [
        _build_details(outcomes[column], column, row[column])
        for column in columns
        if column in row and row[column]["failures"]
    ]
    return _build_check(row, verdicts=[row.get(column) for column in columns], details=details)


def _build_details(outcome: Outcome, column: int, verdict: RunEvent) -> _Details:
    failure = verdict["failures"][0]
    parts = {
        "expected": failure["expected"],
        "actual": failure["actual"],
        "why": verdict["why"],
        "fix": verdict.get("fix", ""),
        "replay": build_replay_command(outcome, failure),
        "script": describe_script(outcome, failure),
        "where": _describe_place(failure),
        "sent by": ", ".join(list_senders(failure)),
        "called at": ", ".join(list_call_sites(failure)),
    }
    return _Details(
        column=column,
        emphasis={"FAIL": "", "XPASS": "", "WARN": "soft"}.get(verdict["status"], "mute"),
        summary=_describe_actual(verdict),
        parts=parts,
        outcomes=tuple(failure.get("client", {}).get("outcomes", ())),
        reason=verdict["reason"],
        table="\n".join(render_table(failure["exchanges"], width=130, most=16)),
    )


def _list_gaps(outcomes: Sequence[Outcome]) -> list[tuple[int, str]]:
    """Return what was not judged, with its reason: the column and a sentence each."""
    return [
        (column, sentence)
        for column, outcome in enumerate(outcomes)
        if not outcome.twin
        for sentence in (
            *outcome.left_out,
            *outcome.unjudged,
            *outcome.untried,
            *(f"{', '.join(ids)}: {why}" for why, ids in outcome.unjudged_checks.items()),
        )
    ]


def _list_remarks(outcomes: Sequence[Outcome]) -> list[tuple[int, str, str, str]]:
    """Return what fails nothing but is worth knowing; a twin repeats the remarks of its run."""
    return [
        (column, status, name, sentence)
        for column, outcome in enumerate(outcomes)
        if not outcome.twin
        for status, name, sentence in outcome.remarks
    ]


def _rank_urgency(verdict: RunEvent) -> tuple[int, int]:
    """Return the sort key of a verdict: failures first, of these the blockers."""
    return ORDER.index(verdict["status"]), _SEVERITIES.index(verdict["severity"])


def _describe_verdict(verdict: RunEvent) -> str:
    if not verdict["failures"]:
        return _describe_actual(verdict)
    return (
        f"expected {verdict['failures'][0]['expected'][:160]}, actual {_describe_actual(verdict)}"
    )


def _describe_actual(verdict: dict[str, Any]) -> str:
    if verdict["status"] == "XPASS":
        return "it is listed as a known failure, but it passes now"
    return str(verdict["failures"][0]["actual"])[:200] if verdict["failures"] else "?"


def _describe_place(failure: RunEvent) -> str:
    client = failure.get("client")
    return f"case {client['case']}" if client else str(failure["plan_name"])
