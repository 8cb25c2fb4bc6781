"""The formats of reports, by the ending of the file that each is written to."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import MissingPackageError, SettingsError, UnknownNameError
from getimg_mock.reports import console, documents, html_page, matrix, run_events
from getimg_mock.user_files import read_user_file, require_writable, write_user_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from getimg_mock.reports.run_events import Outcome


def _need_nothing() -> None:
    """Accept any installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFormat:
    """One format: `ending` of the file name, what it is `called`, and what renders runs in it.

    `require` raises `MissingPackageError` where a package is missing that the format needs.
    """

    ending: str
    called: str
    render: Callable[[Sequence[Outcome]], str]
    require: Callable[[], None] = _need_nothing


def _render_text(outcomes: Sequence[Outcome]) -> str:
    return "".join(console.render_console(each) for each in outcomes if not each.twin)


def _render_events(outcomes: Sequence[Outcome]) -> str:
    return "".join(run_events.render_ndjson(event for each in outcomes for event in each.events))


FORMATS: Final = {
    each.ending: each
    for each in (
        ReportFormat(ending=".json", called="JSON", render=documents.as_json),
        ReportFormat(ending=".xml", called="JUnit XML", render=documents.as_junit),
        ReportFormat(ending=".sarif", called="SARIF", render=documents.as_sarif),
        ReportFormat(ending=".md", called="Markdown", render=documents.as_markdown),
        ReportFormat(
            ending=".html",
            called="HTML matrix",
            render=matrix.as_html,
            require=html_page.require_jinja,
        ),
        ReportFormat(ending=".txt", called="text, as on the console", render=_render_text),
        ReportFormat(ending=".ndjson", called="event stream", render=_render_events),
    )
}
"""Every format, by its ending."""


def find_format(ending: str) -> ReportFormat:
    """Return the format of an ending, with or without its dot; raises `UnknownNameError`."""
    found = FORMATS.get(ending if ending.startswith(".") else f".{ending}")
    if found is None:
        raise UnknownNameError("kind of report", ending, FORMATS)
    return found


def list_usable_formats() -> list[ReportFormat]:
    """Return the formats that can be rendered with the packages that are installed."""
    usable = []
    for each in FORMATS.values():
        with suppress(MissingPackageError):
            each.require()
            usable.append(each)
    return usable


def require_reports(paths: Iterable[Path]) -> None:
    """Raise `SettingsError` unless a report can be written at each path; writes nothing.

    Raises `MissingPackageError` where a package for the format is not installed.
    """
    for path in paths:
        find_format(path.suffix or path.name).require()
        require_writable(path)


def write_report(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a report in the format of the path's ending; raises `SettingsError`."""
    write_user_file(path, find_format(path.suffix or path.name).render(outcomes))


def read_events(path: Path) -> list[Outcome]:
    """Return the runs in a file of events; raises `SettingsError` when there are none."""
    text = read_user_file(path)
    try:
        outcomes = run_events.read_outcomes(run_events.parse_events(text), source=str(path))
    except SettingsError as error:
        raise SettingsError(f"{path}, {error}") from None
    if not outcomes:
        raise SettingsError(
            f"{path} holds no run: an event stream of verify begins with a start event."
        )
    return outcomes
