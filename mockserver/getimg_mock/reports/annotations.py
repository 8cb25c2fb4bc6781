"""What code hosts show in pull requests: annotations of GitHub, the code quality of GitLab."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from getimg_mock.reports.locations import find_source, locate
from getimg_mock.reports.printable_text import replace_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from getimg_mock.reports.run_events import Outcome, RunEvent

_GITHUB_LEVELS: Final = {"FAIL": "error", "XPASS": "error", "WARN": "warning"}
_GITLAB_SEVERITIES: Final = {"FAIL": "critical", "XPASS": "major", "WARN": "minor"}


def render_github(outcomes: Sequence[Outcome]) -> str:
    """Return a workflow command for each check that needs attention, one a line."""
    lines = []
    for outcome, verdict in _list_broken(outcomes):
        failure = verdict["failures"][0] if verdict["failures"] else None
        place = find_source(outcome, failure) if failure else None
        where = f"file={_escape_property(place.path)},line={place.line}," if place else ""
        title = _escape_property(f"{verdict['id']} {verdict['statement']}")
        lines.append(
            f"::{_GITHUB_LEVELS[verdict['status']]} {where}title={title}"
            f"::{_escape_data(_describe(outcome, verdict))}\n"
        )
    return "".join(lines)


def render_gitlab(outcomes: Sequence[Outcome]) -> str:
    """Return the code quality report of GitLab: a JSON array, empty where nothing is wrong."""
    found = []
    for outcome, verdict in _list_broken(outcomes):
        failure = verdict["failures"][0] if verdict["failures"] else {}
        place = locate(outcome, failure)
        named = f"{outcome.target} {verdict['id']}".encode(errors="replace")
        found.append(
            {
                "description": f"{verdict['id']} {_describe(outcome, verdict)}",
                "check_name": verdict["id"],
                "fingerprint": hashlib.sha256(named).hexdigest(),
                "severity": _GITLAB_SEVERITIES[verdict["status"]],
                "location": {"path": place.path, "lines": {"begin": place.line}},
            }
        )
    return json.dumps(found, indent=1) + "\n"


def _list_broken(outcomes: Sequence[Outcome]) -> Iterator[tuple[Outcome, RunEvent]]:
    for outcome in outcomes:
        if not outcome.twin:
            yield from ((outcome, verdict) for verdict in outcome.broken)


def _describe(outcome: Outcome, verdict: RunEvent) -> str:
    if not verdict["failures"]:
        return f"{outcome.target}: passes, although it is a known failure."
    failure = verdict["failures"][0]
    fix = f" Fix: {verdict['fix']}" if verdict.get("fix") else ""
    said = f"expected {failure['expected']}; actual: {failure['actual']}."
    return replace_unprintable(f"{outcome.target}: {said}{fix}")[:2000]


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    escaped = _escape_data(replace_unprintable(text))
    return escaped.replace(":", "%3A").replace(",", "%2C")
