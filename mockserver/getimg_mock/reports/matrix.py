"""One HTML page: checks down, targets across. It needs no network and no script to be read."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.reports.events import ORDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from getimg_mock.reports.events import Outcome

TOPICS: Final = {
    "GP1": "Wire and schema", "GP2": "Input", "GP3": "Life of a generation",
    "GP4": "Files and links", "GP5": "Money", "GP6": "Rate limits", "GP7": "Keys and isolation",
    "GP8": "Catalogue", "GE9": "Fake and real", "GH0": "The harness itself",
}  # fmt: skip

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #667085; --line: #e4e7ec; --ground:
#f7f8fa; --card: #fff; --pass: #12805c; --pass-bg: #e7f6ef; --fail: #c0262d; --fail-bg: #fdeaea;
--warn: #9a6700; --warn-bg: #fff4d6; --info: #175cd3; --info-bg: #e8f1fd; --mute: #667085;
--mute-bg: #eef0f3; } @media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft:
#98a2b3; --line: #2b3240; --ground: #12151c; --card: #1a1f29; --pass: #5bd3a4; --pass-bg: #123328;
--fail: #ff8f8f; --fail-bg: #3d1a1d; --warn: #f5c451; --warn-bg: #3a2e0d; --info: #84b6ff;
--info-bg: #16294a; --mute: #98a2b3; --mute-bg: #252b37; } } * { box-sizing: border-box } body {
margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI",
"Helvetica Neue", Arial, sans-serif } main { max-width: 1120px; margin: 0 auto; padding: 40px 24px
80px } h1 { font-size: 26px; letter-spacing: -.02em; margin: 0 0 4px } .lead { color: var(--soft);
margin: 0 } .cards { display: flex; flex-wrap: wrap; gap: 16px; margin: 28px 0 36px } .card {
flex: 1 1 260px; background: var(--card); border: 1px solid var(--line); border-radius: 12px;
padding: 18px 20px } .card h2 { margin: 0 0 10px; font-size: 16px } .card p { margin: 10px 0 0;
color: var(--soft); font-size: 13px } .bar { display: flex; height: 8px; border-radius: 4px;
overflow: hidden; background: var(--mute-bg); margin: 12px 0 } .bar i { display: block } .pill {
display: inline-block; font-size: 12px; font-weight: 600; letter-spacing: .02em; border-radius:
6px; padding: 1px 8px; margin-right: 6px } .PASS { color: var(--pass); background: var(--pass-bg)
} .FAIL, .XPASS { color: var(--fail); background: var(--fail-bg) } .WARN, .STALE { color:
var(--warn); background: var(--warn-bg) } .INFO { color: var(--info); background: var(--info-bg) }
.VOID, .SKIP, .XFAIL { color: var(--mute); background: var(--mute-bg) } i.PASS { background:
var(--pass) } i.FAIL, i.XPASS { background: var(--fail) } i.WARN, i.STALE { background:
var(--warn) } i.INFO { background: var(--info) } i.VOID, i.SKIP, i.XFAIL { background: var(--mute)
} section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; margin: 0
0 20px; overflow: hidden } section > h2 { font-size: 15px; margin: 0; padding: 14px 20px;
border-bottom: 1px solid var(--line) } section > h2 small { color: var(--soft); font-weight: 400;
margin-left: 8px } .scroll { overflow-x: auto } table { width: 100%; border-collapse: collapse }
th { text-align: left; font-size: 12px; font-weight: 600; color: var(--soft); padding: 8px 12px }
td { padding: 9px 12px; border-top: 1px solid var(--line); vertical-align: top } td:first-child,
th:first-child { padding-left: 20px; width: 76px } td.verdict { white-space: nowrap; width: 90px }
td.id { font: 600 13px ui-monospace, Menlo, Consolas, monospace; white-space: nowrap } a { color:
inherit } td .meta { overflow-wrap: anywhere; color: var(--soft); font-size: 12px } tbody
tr:first-child td { border-top: 0 } details { margin-top: 6px } summary { cursor: pointer; color:
var(--fail); font-size: 13px } .soft summary { color: var(--warn) } details p { margin: 8px 0 } dl
{ display: grid; grid-template-columns: 80px 1fr; gap: 2px 10px; margin: 10px 0; font-size: 13px }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere } pre { margin: 10px 0 0;
padding: 12px 14px; background: var(--ground); border-radius: 8px; overflow-x: auto; font:
12px/1.6 ui-monospace, Menlo, Consolas, monospace } footer { color: var(--soft); font-size: 13px;
margin-top: 28px }
"""


def as_html(outcomes: Sequence[Outcome]) -> str:
    """Return the page."""
    cards = "".join(_card(outcome) for outcome in outcomes)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for outcome in outcomes:
        for verdict in outcome.verdicts:
            found.setdefault(verdict["id"], {})[outcome.target] = verdict
    targets = list(dict.fromkeys(outcome.target for outcome in outcomes))
    sections = "".join(
        _section(topic, {i: v for i, v in found.items() if i.startswith(topic)}, targets)
        for topic in TOPICS
    )
    contract = escape(str(outcomes[0].start.get("contract", ""))) if outcomes else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Provider contract</title><style>{_STYLE}</style></head><body><main>"
        "<h1>Provider contract</h1>"
        f'<p class="lead">{len(found)} checks against {_several(len(targets), "target")}</p>'
        f'<div class="cards">{cards}</div>{_urgent(outcomes)}{sections}'
        f"<footer>getimg-mock, contract {contract}. <b>PASS</b> held wherever it applied, "
        "<b>FAIL</b> a MUST was broken, <b>WARN</b> a SHOULD, <b>INFO</b> an assumption about a "
        "service that is not ours, or a drift, <b>VOID</b> too little was seen, "
        "<b>SKIP</b> cannot be tried there.</footer>"
        "</main></body></html>\n"
    )


def _urgent(outcomes: Sequence[Outcome]) -> str:
    """Return the list of what fails, so that nobody has to look for it."""
    rows = "".join(
        f'<tr><td class="id"><a href="#{escape(verdict["id"])}">{escape(verdict["id"])}</a></td>'
        f'<td>{escape(verdict["statement"])}<div class="meta">{escape(outcome.target)}: expected '
        f"{escape(_first(verdict, 'expected'))}, actual {escape(_first(verdict, 'actual'))}"
        f'</div></td><td class="verdict">{_pill(verdict)}</td></tr>'
        for outcome in outcomes
        for verdict in sorted(outcome.verdicts, key=lambda each: str(each["status"]))
        if verdict["status"] in {"FAIL", "WARN", "XPASS"}
    )
    if not rows:
        return ""
    return f"<section><h2>Broken</h2><table><tbody>{rows}</tbody></table></section>"


def _first(verdict: dict[str, Any], name: str) -> str:
    return str(verdict["failures"][0][name])[:160] if verdict["failures"] else "?"


def _several(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _card(outcome: Outcome) -> str:
    counts = outcome.counts()
    total = sum(counts.values()) or 1
    bar = "".join(
        f'<i class="{status}" style="width:{100 * counts[status] / total:.2f}%"></i>'
        for status in reversed(ORDER)
        if status in counts
    )
    pills = "".join(
        f'<span class="pill {status}">{status} {count}</span>' for status, count in counts.items()
    )
    money = ""
    if outcome.budget:
        money = f" At most {escape(str(outcome.budget.get('spent')))} USD were spent."
    return (
        f'<div class="card"><h2>{escape(outcome.target)}</h2><div class="bar">{bar}</div>{pills}'
        f"<p>{outcome.end.get('exchanges', 0)} exchanges, {len(outcome.plans)} plans, "
        f"{_several(len(outcome.skipped), 'plan')} skipped.{money}</p></div>"
    )


def _section(topic: str, checks: dict[str, dict[str, dict[str, Any]]], targets: list[str]) -> str:
    if not checks:
        return ""
    heads = "".join(f"<th>{escape(target)}</th>" for target in targets)
    rows = "".join(_row(name, checks[name], targets) for name in sorted(checks))
    return (
        f"<section><h2>{TOPICS[topic]}<small>{topic}xx</small></h2>"
        f'<div class="scroll"><table><thead><tr><th>Check</th><th>Rule</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _row(name: str, verdicts: dict[str, dict[str, Any]], targets: list[str]) -> str:
    one = next(iter(verdicts.values()))
    cells = "".join(
        '<td class="verdict">' + (_pill(verdicts[target]) if target in verdicts else "") + "</td>"
        for target in targets
    )
    more = "".join(_details(target, verdicts[target]) for target in targets if target in verdicts)
    return (
        f'<tr id="{escape(name)}"><td class="id">{escape(name)}</td><td>{escape(one["statement"])}'
        f'<div class="meta">{one["level"]} &middot; {one["severity"]} &middot; {one["evidence"]}'
        f"</div>{more}</td>{cells}</tr>"
    )


def _pill(verdict: dict[str, Any]) -> str:
    title = verdict["reason"] or f"seen {verdict['applied']} times"
    return (
        f'<span class="pill {verdict["status"]}" title="{escape(title)}">{verdict["status"]}</span>'
    )


def _details(target: str, verdict: dict[str, Any]) -> str:
    if not verdict["failures"]:
        return ""
    failure = verdict["failures"][0]
    lines = "\n".join(
        f"{each['number']:>3}  {each['at'][11:19]}  {each['key']:<4}  {each['method']} "
        f"{each['path'][:90]}  {each['status']}  {', '.join(each['effects'][:3])}"
        for each in failure["exchanges"][:10]
    )
    soft = "" if verdict["status"] == "FAIL" else ' class="soft"'
    return (
        f"<details{soft}><summary>{escape(target)}: what was seen</summary>"
        f"<dl><dt>expected</dt><dd>{escape(failure['expected'])}</dd>"
        f"<dt>actual</dt><dd>{escape(failure['actual'])}</dd>"
        f"<dt>why</dt><dd>{escape(verdict['why'])}</dd>"
        f"<dt>plan</dt><dd>{escape(failure['plan_name'])}</dd></dl>"
        f"<pre>{escape(lines)}</pre></details>"
    )
