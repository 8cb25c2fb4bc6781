"""How the HTML matrix looks, by day and by night; nothing of it comes from elsewhere."""

from __future__ import annotations

from typing import Final

STYLESHEET: Final = """
:root { color-scheme: light dark; --ink: #1d2330; --soft: #667085; --line: #e4e7ec;
  --ground: #f7f8fa; --card: #fff; --pass: #12805c; --pass-bg: #e7f6ef; --fail: #c0262d;
  --fail-bg: #fdeaea; --warn: #9a6700; --warn-bg: #fff4d6; --info: #175cd3; --info-bg: #e8f1fd;
  --mute: #667085; --mute-bg: #eef0f3 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #2b3240;
  --ground: #12151c; --card: #1a1f29; --pass: #5bd3a4; --pass-bg: #123328; --fail: #ff8f8f;
  --fail-bg: #3d1a1d; --warn: #f5c451; --warn-bg: #3a2e0d; --info: #84b6ff; --info-bg: #16294a;
  --mute: #98a2b3; --mute-bg: #252b37 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif }
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 80px }
h1 { font-size: 26px; letter-spacing: -.02em; margin: 0 0 4px }
.lead { color: var(--soft); margin: 0 }
a { color: inherit }
code { font: 12.5px/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 16px;
  margin: 28px 0 36px }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  padding: 18px 20px }
.card h2 { margin: 0; font-size: 16px; overflow-wrap: anywhere }
.score { display: flex; align-items: baseline; gap: 10px; margin: 8px 0 0 }
.score b { font-size: 28px; letter-spacing: -.02em; line-height: 1.1 }
.score span { color: var(--soft); font-size: 13px }
.score .bad { color: var(--fail); font-weight: 600 }
.card p { margin: 10px 0 0; color: var(--soft); font-size: 13px; overflow-wrap: anywhere }
.bar { display: flex; height: 8px; border-radius: 4px; overflow: hidden; gap: 1px;
  background: var(--mute-bg); margin: 12px 0 }
.bar i { display: block }
.pill { display: inline-block; font-size: 12px; font-weight: 600; letter-spacing: .02em;
  border-radius: 6px; padding: 1px 8px; margin: 0 6px 2px 0; white-space: nowrap }
.PASS { color: var(--pass); background: var(--pass-bg) }
.FAIL, .XPASS { color: var(--fail); background: var(--fail-bg) }
.WARN, .STALE { color: var(--warn); background: var(--warn-bg) }
.INFO { color: var(--info); background: var(--info-bg) }
.VOID, .SKIP, .XFAIL { color: var(--mute); background: var(--mute-bg) }
i.PASS { background: var(--pass) }
i.FAIL, i.XPASS { background: var(--fail) }
i.WARN, i.STALE { background: var(--warn) }
i.INFO { background: var(--info) }
i.VOID, i.SKIP, i.XFAIL { background: var(--mute); opacity: .5 }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
  margin: 0 0 20px; overflow: hidden }
section > h2 { font-size: 15px; margin: 0; padding: 14px 20px;
  border-bottom: 1px solid var(--line) }
section > h2 small { color: var(--soft); font-weight: 400; margin-left: 8px }
.scroll { overflow-x: auto }
table { width: 100%; border-collapse: collapse }
th { text-align: left; font-size: 12px; font-weight: 600; color: var(--soft); padding: 8px 12px;
  vertical-align: bottom; overflow-wrap: anywhere }
td { padding: 9px 12px; border-top: 1px solid var(--line); vertical-align: top }
tbody tr:first-child td { border-top: 0 }
td:first-child, th:first-child { padding-left: 20px; width: 82px }
td.verdict, th.verdict { width: 104px; min-width: 92px; max-width: 180px }
td.id { font: 600 13px/1.7 ui-monospace, Menlo, Consolas, monospace; white-space: nowrap }
tr:target td { background: var(--info-bg) }
.tag { color: var(--soft); font-size: 12px; margin-left: 4px }
.meta { overflow-wrap: anywhere; color: var(--soft); font-size: 12px }
details { margin-top: 6px }
summary { cursor: pointer; color: var(--fail); font-size: 13px; overflow-wrap: anywhere }
.soft summary { color: var(--warn) }
.mute summary { color: var(--soft) }
dl { display: grid; grid-template-columns: 74px 1fr; gap: 3px 10px; margin: 10px 0;
  font-size: 13px }
dt { color: var(--soft) }
dd { margin: 0; overflow-wrap: anywhere }
pre { margin: 10px 0 4px; padding: 12px 14px; background: var(--ground);
  border: 1px solid var(--line); border-radius: 8px; overflow-x: auto;
  font: 12px/1.6 ui-monospace, Menlo, Consolas, monospace }
footer { color: var(--soft); font-size: 13px; margin-top: 28px }
@media print { details:not([open]) { display: none } body { background: none } }
"""
