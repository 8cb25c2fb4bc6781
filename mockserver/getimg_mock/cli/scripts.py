"""Scripts that show a failure again, without an event stream."""

from __future__ import annotations

from pprint import pformat
from typing import TYPE_CHECKING, Any, Final

from getimg_mock._shipped import read_text
from getimg_mock.reports.replays import url_of

if TYPE_CHECKING:
    from getimg_mock.reports.events import Event, Outcome

_PLAN: Final = "PLAN: dict[str, Any] = {}  # the plan stands here\n"
_FAILURE: Final = (
    "FAILURE: dict[str, Any] = {}  # the events of the run with this failure stand here\n"
)
_FAKE: Final = "http://127.0.0.1:4010"
"""Where `getimg-mock serve` listens."""


def script_of(outcome: Outcome, verdict: Event) -> str:
    """Return a script that shows the first failure of a verdict.

    For a provider, it sends the plan and needs nothing but Python. For a client, it needs this
    package.
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
        bare = [outcome.start | {"again": ""}, verdict | {"failures": [failure]}]
        return _filled(
            "case", words, _FAILURE, f"FAILURE: dict[str, Any] = {_literal({'events': bare})}\n"
        )
    words |= {"plan": failure["plan_name"], "url": url_of(outcome) or _FAKE}
    return _filled("plan", words, _PLAN, f"PLAN: dict[str, Any] = {_literal(failure['plan'])}\n")


def _filled(name: str, words: dict[str, str], place: str, data: str) -> str:
    """Return a shipped script with its placeholders filled in."""
    text = read_text("fixtures", f"scripts/{name}.py")
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", _quotable(value))
    return text.replace(place, data)


def _quotable(text: str) -> str:
    """Return a text that can be part of a docstring, on one line."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return shown.replace("\\", "/").replace('"', "'")


def _literal(value: Any) -> str:
    return pformat(value, width=98, sort_dicts=False)
