"""One HTML page: checks down, targets or clients across. It needs no network and no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.reports.replays import build_replay_command, describe_script
from getimg_mock.reports.run_events import ORDER, compose_title, label_outcomes
from getimg_mock.reports.stylesheet import STYLESHEET
from getimg_mock.reports.tables import render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

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

_LEGEND: Final = (
    "<b>PASS</b> held wherever it applied, <b>FAIL</b> a MUST was broken, <b>WARN</b> a SHOULD, "
    "<b>INFO</b> an assumption about a service that is not ours, or a drift, <b>VOID</b> too "
    "little was seen, <b>SKIP</b> cannot be tried there, <b>STALE</b> the evidence is too old, "
    "<b>XFAIL</b> known to fail, <b>XPASS</b> known to fail, but passes."
)

Row = dict[int, "RunEvent"]
"""The verdicts of one check by the column they stand in."""


def as_html(outcomes: Sequence[Outcome]) -> str:
    """Return the page."""
    names = label_outcomes(outcomes)
    found: dict[str, Row] = {}
    for column, outcome in enumerate(outcomes):
        for verdict in outcome.verdicts:
            found.setdefault(verdict["id"], {})[column] = verdict
    page = _Page(outcomes, names, found)
    head = escape(compose_title(outcomes))
    word = {"Client contract": "client", "Provider contract": "target"}.get(
        compose_title(outcomes), "run"
    )
    contracts = dict.fromkeys(str(outcome.start.get("contract", "")) for outcome in outcomes)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{head}</title><style>{STYLESHEET}</style></head><body><main><h1>{head}</h1>"
        f'<p class="lead">{_pluralize(len(found), "check")} against '
        f"{_pluralize(len(names), word)}</p>"
        f'<div class="cards">{"".join(map(_render_card, outcomes, names))}</div>'
        f"{page.list_broken()}{page.render_sections()}{page.render_remarks()}"
        f"<footer>getimg-mock, contract {escape(', '.join(contracts))}. "
        f"{_LEGEND}</footer>"
        "</main></body></html>\n"
    )


def _pluralize(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _render_card(outcome: Outcome, name: str) -> str:
    counts = outcome.count_statuses()
    total = sum(counts.values()) or 1
    bar = "".join(
        f'<i class="{status}" style="width:{100 * counts[status] / total:.2f}%"></i>'
        for status in reversed(ORDER)
        if status in counts
    )
    pills = "".join(
        f'<span class="pill {status}">{status} {count}</span>' for status, count in counts.items()
    )
    return (
        f'<div class="card"><h2>{escape(name)}</h2>{_render_score(outcome)}'
        f'<div class="bar">{bar}</div>{pills}<p>{escape(_render_facts(outcome))}</p></div>'
    )


def _render_score(outcome: Outcome) -> str:
    """Return the scorecard of a client: edition, what holds of what was judged, the blockers."""
    if not outcome.scorecard:
        return ""
    edition, _, rest = outcome.scorecard.partition(": ")
    held, _, blockers = rest.partition(", ")
    count, _, ids = blockers.partition(": ")
    bad = ' class="bad"' if ids else ""
    links = " ".join(f'<a href="#{escape(each)}">{escape(each)}</a>' for each in ids.split())
    return (
        f'<div class="score"><b>{escape(held)}</b><span{bad}>{escape(count)}</span></div>'
        f"<p>{escape(edition)}{': ' * bool(links)}{links}</p>"
    )


def _render_facts(outcome: Outcome) -> str:
    word = "case" if outcome.kind == "client" else "plan"
    facts = [_pluralize(outcome.end.get("exchanges", 0), "exchange")]
    if not outcome.twin:
        facts.append(_pluralize(len(outcome.plans), word))
    if outcome.skipped:
        facts.append(f"{_pluralize(len(outcome.skipped), 'plan')} skipped")
    facts.append(f"seed {outcome.start.get('seed')}")
    told = ", ".join(facts) + "."
    if outcome.budget:
        told += f" At most {outcome.spent} of {outcome.budget['ceiling']} USD were spent."
    return told + (" The fake under the same plans, to compare with." if outcome.twin else "")


class _Page:
    """The parts of a page that look at all runs at once."""

    def __init__(
        self, outcomes: Sequence[Outcome], names: Sequence[str], found: dict[str, Row]
    ) -> None:
        self.outcomes = outcomes
        self.names = names
        self.found = found

    def list_broken(self) -> str:
        """Return the list of what fails, so that nobody has to look for it."""
        rows = sorted(
            (min(map(_rank_urgency, row.values())), name)
            for name, row in self.found.items()
            if any(v["status"] in _URGENT for v in row.values())
        )
        if not rows:
            return ""
        body = "".join(self._build_broken_row(name, self.found[name]) for _, name in rows)
        return (
            f"<section><h2>Broken<small>{_pluralize(len(rows), 'check')}</small></h2>"
            f'<div class="scroll"><table><tbody>{body}</tbody></table></div></section>'
        )

    def _build_broken_row(self, name: str, row: Row) -> str:
        urgent = {column: v for column, v in row.items() if v["status"] in _URGENT}
        said = "".join(
            f'<div class="meta">{_render_pill(v)}{self._render_label(column)}'
            f"{escape(_describe_verdict(v))}</div>"
            for column, v in urgent.items()
        )
        one = next(iter(row.values()))
        return (
            f'<tr><td class="id"><a href="#{escape(name)}">{escape(name)}</a></td>'
            f'<td>{escape(one["statement"])} <span class="tag">{escape(one["severity"])}</span>'
            f"{said}</td></tr>"
        )

    def _render_label(self, column: int) -> str:
        return f"<b>{escape(self.names[column])}</b>: " if len(self.names) > 1 else ""

    def render_sections(self) -> str:
        """Return a table for each topic, and one for what is of none."""
        known = "".join(self._render_section(topic, words) for topic, words in TOPICS.items())
        return known + self._render_section("", "Others")

    def _render_section(self, topic: str, words: str) -> str:
        ids = sorted(
            name for name in self.found if (name[:3] == topic if topic else name[:3] not in TOPICS)
        )
        if not ids:
            return ""
        used = [at for at in range(len(self.names)) if any(at in self.found[name] for name in ids)]
        heads = "".join(f'<th class="verdict">{escape(self.names[column])}</th>' for column in used)
        rows = "".join(self._render_row(name, self.found[name], used) for name in ids)
        return (
            f"<section><h2>{escape(words)}<small>{escape(topic)}xx</small></h2>"
            '<div class="scroll"><table><thead><tr><th>Check</th><th>Rule</th>'
            f"{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>"
        )

    def _render_row(self, name: str, row: Row, used: Sequence[int]) -> str:
        one = next(iter(row.values()))
        cells = "".join(
            f'<td class="verdict">{_render_pill(row[column]) if column in row else ""}</td>'
            for column in used
        )
        more = "".join(
            self._render_details(column, row[column]) for column in used if column in row
        )
        facts = " &middot; ".join(map(escape, (one["level"], one["severity"], one["evidence"])))
        return (
            f'<tr id="{escape(name)}"><td class="id">{escape(name)}</td>'
            f'<td>{escape(one["statement"])}<div class="meta">{facts}</div>{more}</td>{cells}</tr>'
        )

    def _render_details(self, column: int, verdict: RunEvent) -> str:
        if not verdict["failures"]:
            return ""
        failure, outcome = verdict["failures"][0], self.outcomes[column]
        parts = {
            "expected": escape(failure["expected"]),
            "actual": escape(failure["actual"]),
            "why": escape(verdict["why"]),
            "fix": escape(verdict.get("fix", "")),
            "replay": f"<code>{escape(build_replay_command(outcome, failure))}</code>",
            "script": escape(describe_script(outcome, failure)),
            "where": escape(_describe_place(failure)),
            "outcome": "<br>".join(map(escape, failure.get("client", {}).get("outcomes", ()))),
            "reason": escape(verdict["reason"]),
        }
        told = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in parts.items() if text)
        lines = "\n".join(render_table(failure["exchanges"], width=130, most=16))
        shown = f"<pre>{escape(lines)}</pre>" if lines else ""
        soft = {"FAIL": "", "XPASS": "", "WARN": "soft"}.get(verdict["status"], "mute")
        name = self._render_label(column)
        return (
            f'<details class="{soft}"><summary>{name}{escape(_describe_actual(verdict))}</summary>'
            f"<dl>{told}</dl>{shown}</details>"
        )

    def render_remarks(self) -> str:
        """Return what fails nothing, but is worth knowing."""
        rows = "".join(
            f'<tr><td class="id"><a href="#{escape(name)}">{escape(name)}</a></td><td>'
            f'<span class="pill {status}">{status if status != "PASS" else "note"}</span>'
            f"{self._render_label(column)}{escape(sentence)}</td></tr>"
            for column, outcome in enumerate(self.outcomes)
            if not outcome.twin
            for status, name, sentence in outcome.remarks
        )
        if not rows:
            return ""
        return (
            '<section><h2>Worth knowing</h2><div class="scroll"><table><tbody>'
            f"{rows}</tbody></table></div></section>"
        )


def _rank_urgency(verdict: RunEvent) -> tuple[int, int]:
    """Return where a verdict stands among others: failures first, of these the blockers."""
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


def _render_pill(verdict: RunEvent) -> str:
    told = verdict["reason"] or f"seen {_pluralize(verdict['applied'], 'time')}"
    return (
        f'<span class="pill {verdict["status"]}" title="{escape(told)}">{verdict["status"]}</span>'
    )
