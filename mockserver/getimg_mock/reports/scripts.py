"""Scripts that show a failure again, without an event stream."""

from __future__ import annotations

from pprint import pformat
from typing import TYPE_CHECKING, Any, Final

from getimg_mock._shipped import read_text
from getimg_mock.reports.inlining import inline_package
from getimg_mock.reports.replays import find_url

if TYPE_CHECKING:
    from getimg_mock.reports.run_events import Outcome, RunEvent

_PLAN: Final = "PLAN: dict[str, Any] = {}  # the plan stands here\n"
_FAILURE: Final = (
    "FAILURE: dict[str, Any] = {}  # the events of the run with this failure stand here\n"
)
_FAKE: Final = "http://127.0.0.1:4010"
"""Where `getimg-mock serve` listens."""


def build_script(outcome: Outcome, verdict: RunEvent) -> str:
    """Return a script that shows the first failure of a verdict.

    For a provider, it executes the plan and needs only Python: it carries a copy of the executor.
    For a client, it needs this package.
    """
    failure = verdict["failures"][0]
    words = {
        "id": verdict["id"],
        "statement": verdict["statement"],
        "expected": failure["expected"],
        "actual": failure["actual"],
    }
    if "client" in failure:
        client = failure["client"]
        words |= {"client": client["adapter"], "case": client["case"]}
        events = [outcome.start | {"again": ""}, verdict | {"failures": [failure]}]
        text = _fill_template("case", words)
        return text.replace(_FAILURE, _format_assignment("FAILURE", {"events": events}))
    words |= {"plan": failure["plan_name"], "url": find_url(outcome) or _FAKE}
    text = inline_package(_fill_template("plan", words), above=_PLAN)
    return text.replace(_PLAN, _format_assignment("PLAN", failure["plan"]))


def _fill_template(name: str, words: dict[str, str]) -> str:
    """Return a shipped script with the words of a failure in their places."""
    text = read_text("fixtures", f"scripts/{name}.py")
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", _make_quotable(value))
    return text


def _make_quotable(text: str) -> str:
    """Return a text as one line that a docstring can hold."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return shown.replace("\\", "/").replace('"', "'")


def _format_assignment(name: str, value: Any) -> str:
    return f"{name}: dict[str, Any] = {pformat(value, width=98, sort_dicts=False)}\n"
