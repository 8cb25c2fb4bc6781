"""The report on the terminal: failures first, then one line for everything else."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.reports.printable_text import replace_unprintable
from getimg_mock.reports.replays import build_replay_command, describe_script
from getimg_mock.reports.run_events import list_call_sites, list_senders
from getimg_mock.reports.tables import render_table

if TYPE_CHECKING:
    from getimg_mock.reports.run_events import Outcome, RunEvent

_COLOURS: Final = {
    "FAIL": "31;1",
    "XPASS": "31;1",
    "WARN": "33",
    "INFO": "36",
    "PASS": "32",
    "VOID": "35",
    "STALE": "35",
    "SKIP": "2",
    "XFAIL": "2",
}
_MAX_WIDTH: Final = 100
_MAX_HEIGHT: Final = 25
_INDENT: Final = 12


def render_console(outcome: Outcome, *, colour: bool = False) -> str:
    """Return the report of one run."""
    parts = [
        render_failure(
            each["failures"][0] | {"verdict": each},
            colour=colour,
            replay=build_replay_command(outcome, each["failures"][0]),
            script=describe_script(outcome, each["failures"][0]),
            spent=outcome.spent,
        )
        if each["status"] != "XPASS"
        else _describe_fix(each, colour=colour)
        for each in outcome.broken
        if each["failures"] or each["status"] == "XPASS"
    ]
    remarks = [render_remark(each, colour=colour) for each in outcome.remarks]
    if remarks:
        parts.append("\n".join(remarks))
    parts += [
        "\n".join(wrap(replace_unprintable(sentence), _MAX_WIDTH))
        for sentence in (*outcome.unjudged, *outcome.untried)
    ]
    if outcome.budget:
        parts.append(_format_budget(outcome.budget))
    return "\n\n".join([*parts, render_summary(outcome, colour=colour)]) + "\n"


def render_summary(outcome: Outcome, *, colour: bool = False) -> str:
    """Return the last line: how many verdicts of each status there are."""
    counts = "  ".join(
        f"{_colour(status, colour=colour)} {count}"
        for status, count in outcome.count_statuses().items()
    )
    exchanges = outcome.end.get("exchanges", 0)
    target = replace_unprintable(outcome.target)
    return f"{target}: {counts}   ({exchanges} exchanges)"


def render_failure(
    failure: RunEvent, *, colour: bool = False, replay: str = "", script: str = "", spent: str = "0"
) -> str:
    """Return one failure in six parts, of at most 25 lines.

    The parts are: the rule; the exchanges; expected and actual; why, and how to fix it; how to see
    it again; seed, contract version and spend. Commands are never cut.
    """
    verdict = failure.get("verdict", {})
    head = _render_head(failure, verdict, colour=colour)
    rest = [
        "",
        *_render_part("expected", failure["expected"], most=3),
        *_render_part("actual", failure["actual"], most=3),
        *_render_senders(failure),
        "",
        *_render_part("why", _format_reason(verdict), most=4),
        *(_render_part("fix", verdict["fix"], most=4) if verdict.get("fix") else []),
        f"  explain   getimg-mock explain {failure['id']}",
        *([f"  replay    {replace_unprintable(replay)}"] if replay else []),
        *([f"  script    {replace_unprintable(script)}"] if script else []),
        *_render_part("run", _format_origin(failure, spent), most=2),
    ]
    exchanges = render_table(
        failure["exchanges"], width=_MAX_WIDTH, most=_MAX_HEIGHT - len(head) - len(rest) - 1
    )
    return "\n".join([*head, "", *exchanges, *rest] if exchanges else [*head, *rest])


def _render_head(failure: RunEvent, verdict: dict[str, Any], *, colour: bool) -> list[str]:
    status = str(verdict.get("status", "FAIL"))
    level = f"({verdict['level']}, {verdict['severity']})" if verdict else ""
    first, *more = wrap(
        replace_unprintable(f"{status}  {failure['id']}  {verdict.get('statement', '')} {level}"),
        _MAX_WIDTH,
        subsequent_indent=" " * _INDENT,
        break_on_hyphens=False,
    )
    return [_colour(status, colour=colour) + first.removeprefix(status), *more]


def _render_part(name: str, text: str, *, most: int) -> list[str]:
    """Return a part of a block, wrapped to at most `most` lines."""
    lines = wrap(
        replace_unprintable(text),
        _MAX_WIDTH,
        initial_indent=f"  {name:<{_INDENT - 2}}",
        subsequent_indent=" " * _INDENT,
        max_lines=most,
        placeholder=" ...",
        break_on_hyphens=False,
    )
    return lines or [f"  {name}"]


def _render_senders(failure: RunEvent) -> list[str]:
    senders, places = list_senders(failure), list_call_sites(failure)
    lines = _render_part("sent by", ", ".join(senders), most=2) if senders else []
    return lines + (_render_part("called at", ", ".join(places), most=2) if places else [])


def _format_reason(verdict: dict[str, Any]) -> str:
    evidence = verdict.get("evidence")
    mark = f" [{evidence}]" if evidence in {"documented", "assumption", "common-sense"} else ""
    return f"{verdict.get('why', '')}{mark}"


def _format_origin(failure: RunEvent, spent: str) -> str:
    client = failure.get("client", {})
    where = f"case {client['case']}" if client else f"plan '{failure['plan_name']}'"
    return f"seed {failure['seed']}, contract {failure['contract']}, {where}, spent {spent} USD"


def render_remark(told: tuple[str, str, str], *, colour: bool = False) -> str:
    """Return one line for a note, or for a breach that fails nothing."""
    status, name, sentence = told
    word = status if status != "PASS" else "note"
    shown = replace_unprintable(sentence)
    room = _MAX_WIDTH - 14
    cut = shown if len(shown) <= room else f"{shown[: room - 3]}..."
    return f"{_colour(word, colour=colour)}{'':{5 - len(word)}} {name}  {cut}"


def _describe_fix(verdict: dict[str, Any], *, colour: bool) -> str:
    reason = verdict["reason"] or "no reason was given"
    return (
        f"{_colour('XPASS', colour=colour)}  {verdict['id']}  "
        f"{replace_unprintable(verdict['statement'])}\n"
        f"       it is listed as a known failure ({replace_unprintable(reason)}), "
        f"but it passes now: "
        "remove it from the list"
    )


def _format_budget(budget: RunEvent) -> str:
    return (
        f"Spent at most {budget.get('spent')} of {budget.get('ceiling')} USD; "
        f"today, over all runs, {budget.get('today')} USD."
    )


def _colour(status: str, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS.get(status, '0')}m{status}\x1b[0m" if colour else status
