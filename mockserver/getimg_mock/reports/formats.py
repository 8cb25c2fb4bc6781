"""The formats of reports, by the ending of the file that each is written to."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from getimg_mock.errors import MissingPackageError, SettingsError, UnknownNameError
from getimg_mock.reports import console, documents, html_page, matrix, run_events
from getimg_mock.user_files import read_user_file, require_writable, write_user_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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


STDOUT: Final = Path("-")
"""In place of the path of a report: print it."""


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


def require_reports(paths: Iterable[Path], form: str | None = None) -> None:
    """Raise `SettingsError` unless a report can be written at each path; writes nothing.

    `-` is standard output; `form` is the format of it, and of paths without an ending. Raises
    `MissingPackageError` where a package for the format is not installed.
    """
    for path in paths:
        _choose_format(path, form).require()
        if path != STDOUT:
            require_writable(path)


def write_report(path: Path, outcomes: Sequence[Outcome], form: str | None = None) -> None:
    """Write a report, or print it for `-`, in the format of the path's ending.

    `form` is that of `-` and of a path without an ending. Raises `SettingsError`.
    """
    text = _choose_format(path, form).render(outcomes)
    if path == STDOUT:
        sys.stdout.write(text)
    else:
        write_user_file(path, text)


def _choose_format(path: Path, form: str | None) -> ReportFormat:
    if path.suffix or (form is None and path != STDOUT):
        return find_format(path.suffix or path.name)
    if form is None:
        names = ", ".join(each.removeprefix(".") for each in FORMATS)
        raise SettingsError(f"--report - needs --format: {names}.")
    return find_format(form)


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
