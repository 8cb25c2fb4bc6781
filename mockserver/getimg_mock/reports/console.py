"""What a person reads on the terminal: the failures first, one line for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from getimg_mock.reports.events import Event, Outcome

_COLOURS: Final = {
    "FAIL": "31;1", "XPASS": "31;1", "WARN": "33", "INFO": "36", "PASS": "32", "VOID": "35",
    "STALE": "35", "SKIP": "2", "XFAIL": "2",
}  # fmt: skip
_WIDEST: Final = 100
_MOST_EXCHANGES: Final = 8


def rendered(outcome: Outcome, *, colour: bool = False) -> str:
    """Return the report of one run."""
    blocks = [block(failure, colour=colour) for verdict in _urgent(outcome)
              for failure in verdict["failures"][:1]]  # fmt: skip
    blocks += [
        f"{_painted(verdict['status'], colour=colour)}  {verdict['id']}  {verdict['statement']}\n"
        f"       {verdict['reason'] or 'it is listed as a known failure, but it passes now'}"
        for verdict in outcome.verdicts
        if verdict["status"] == "XPASS"
    ]
    if outcome.budget:
        blocks.append(_money(outcome.budget))
    return "\n\n".join([*blocks, summary(outcome, colour=colour)]) + "\n"


def summary(outcome: Outcome, *, colour: bool = False) -> str:
    """Return the last line: how many verdicts of each kind."""
    counts = "  ".join(
        f"{_painted(status, colour=colour)} {count}" for status, count in outcome.counts().items()
    )
    exchanges = outcome.end.get("exchanges", 0)
    return f"{outcome.target}: {counts}   ({exchanges} exchanges)"


def block(failure: Event, *, colour: bool = False) -> str:
    """Return one failure in six parts, of at most 25 lines."""
    verdict = failure.get("verdict", {})
    status = _painted(str(verdict.get("status", "FAIL")), colour=colour)
    level = f"({verdict['level']}, {verdict['severity']})" if verdict else ""
    lines = [f"{status}  {failure['id']}  {verdict.get('statement', '')} {level}".rstrip(), ""]
    lines += table(failure["exchanges"][:_MOST_EXCHANGES])
    if len(failure["exchanges"]) > _MOST_EXCHANGES:
        lines.append(f"  ... and {len(failure['exchanges']) - _MOST_EXCHANGES} more")
    lines += [
        "",
        _cut(f"  expected  {failure['expected']}"),
        _cut(f"  actual    {failure['actual']}"),
        "",
        _cut(f"  why       {verdict.get('why', '')} [{verdict.get('evidence', '')}]"),
        *([_cut(f"  fix       {verdict['fix']}")] if verdict.get("fix") else []),
        f"  explain   getimg-mock explain {failure['id']}",
        f"  replay    getimg-mock replay EVENTS.ndjson --check {failure['id']}",
        (
            f"  seed      {failure['seed']}   contract {failure['contract']}   "
            f"plan '{failure['plan_name']}'"
        ),
    ]
    return "\n".join(lines)


def table(exchanges: list[Event]) -> list[str]:
    """Return the lines of a numbered exchange table."""
    lines = []
    for each in exchanges:
        effects = ", ".join(each["effects"][:3])
        clock = each["at"][11:19]
        asked = f"{each['method']} {each['path']}"
        line = (
            f"  {each['number']:>3}  {clock}  {each['key']:<4}  {asked[:58]:<58}  {each['status']}"
        )
        lines.append(_cut(f"{line}  {effects}".rstrip()))
    return lines


def _urgent(outcome: Outcome) -> list[dict[str, Any]]:
    found = [each for each in outcome.verdicts if each["failures"] and each["status"] in
             {"FAIL", "WARN"}]  # fmt: skip
    for verdict in found:
        for failure in verdict["failures"]:
            failure["verdict"] = verdict
    return sorted(found, key=lambda each: each["status"])


def _money(budget: Event) -> str:
    return (
        f"Spent at most {budget.get('spent')} of {budget.get('ceiling')} USD; "
        f"today, over all runs, {budget.get('today')} USD."
    )


def _painted(status: str, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS.get(status, '0')}m{status}\x1b[0m" if colour else status


def _cut(line: str) -> str:
    clean = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)
    return clean if len(clean) <= _WIDEST else clean[: _WIDEST - 3] + "..."
