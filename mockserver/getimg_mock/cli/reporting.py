"""What a run of `verify` leaves behind: its events, written as they come, and reports of them."""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError, UnknownNameError
from getimg_mock.reports import console, documents, events, matrix
from getimg_mock.reports.events import render_ndjson
from getimg_mock.reports.known_failures import apply_known_failures
from getimg_mock.reports.tables import clean
from getimg_mock.user_files import find_state_folder, require_writable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Self, TextIO

    from getimg_mock.reports.events import Event, Outcome

REPORTS: Final[dict[str, Callable[[Sequence[Outcome]], str]]] = {
    ".json": documents.as_json,
    ".xml": documents.as_junit,
    ".sarif": documents.as_sarif,
    ".md": documents.as_markdown,
    ".html": matrix.as_html,
}
_LONGEST_NAME: Final = 80


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is kept of a run."""
    add = parser.add_argument
    add(
        "--events",
        metavar="FILE",
        type=Path,
        help="write the event stream here (NDJSON; default: a file in the state folder, which the "
        "next run overwrites)",
    )
    add_reports(parser)
    add("--known-failures", metavar="FILE", type=Path, help="checks known to fail, one a line")


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which reports are written."""
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="write a report; the ending says which: " + " ".join(REPORTS),
    )


def require_places(arguments: argparse.Namespace, *others: Path | None) -> None:
    """Raise `SettingsError` unless all that is to be written can be: before anything is sent."""
    for report in arguments.report:
        if report.suffix not in REPORTS:
            raise UnknownNameError("kind of report", report.suffix or report.name, REPORTS)
    for path in (*arguments.report, getattr(arguments, "events", None), *others):
        if path is not None:
            require_writable(path)


def default_events(name: str) -> Path:
    """Return the file that keeps the events of a run where no other is named."""
    word = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:_LONGEST_NAME]
    return find_state_folder() / f"{word or 'run'}.ndjson"


class Keeper:
    """Takes the events of a run as they come, writes each at once, and makes the reports of all.

    `name` is what the file of events is called where the caller names none; that it cannot be
    written there is no failure of the run. `known` are checks that are known to fail.
    """

    def __init__(
        self, arguments: argparse.Namespace, name: str, known: Mapping[str, str] | None = None
    ) -> None:
        self._arguments = arguments
        self.known = known or {}
        self._kept: list[Event] = []
        self._done = 0
        self._file: TextIO | None = None
        self.path: Path | None = arguments.events
        if self.path is None:
            with suppress(OSError, RuntimeError):
                self.path = default_events(name)
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Whoever still writes the file of an earlier run keeps that one.
                self.path.unlink(missing_ok=True)
                self._file = self.path.open("w", encoding="utf-8")
        else:
            self._file = _opened(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()
        if self._file is not None:
            self._file.close()

    @property
    def source(self) -> str:
        """The file of events, or an empty text where there is none."""
        return str(self.path) if self._file is not None else ""

    def take(self, stream: Iterable[Event]) -> None:
        """Keep the events of a whole run, or of several."""
        for event in apply_known_failures(stream, self.known):
            self._kept.append(event)
            self._write(event)
            self._show(event)

    def _write(self, event: Event) -> None:
        if self._file is None:
            return
        try:
            self._file.writelines(render_ndjson([event]))
            self._file.flush()
        except OSError as error:
            if self._arguments.events is not None:
                raise SettingsError(f"{self.path} cannot be written: {error.strerror}.") from None
            self._file.close()
            self._file = None

    def _show(self, event: Event) -> None:
        """Say on a terminal how far the run has come."""
        if not sys.stderr.isatty():
            return
        if event["event"] == "start":
            self._done = 0
        elif event["event"] in {"plan", "case", "skip"}:
            self._done += 1
            starts = [each for each in self._kept if each["event"] == "start"]
            name = str(event.get("plan", event.get("case")))
            total = starts[-1]["plans"] if starts else "?"
            sys.stderr.write(f"\r\x1b[K{self._done}/{total}  {clean(name)[:60]}")
            sys.stderr.flush()
        elif event["event"] == "end":
            self._clear()

    def _clear(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def outcomes(self) -> list[Outcome]:
        """Return the runs so far."""
        return events.read(self._kept, source=self.source)

    def report(self, *, brief: bool = False) -> int:
        """Write the reports, tell the console; returns 0 when nothing failed, else 1.

        `brief` leaves the console to the caller.
        """
        outcomes = self.outcomes()
        write_reports(self._arguments.report, outcomes)
        for outcome in outcomes:
            if not brief and not outcome.twin:
                sys.stdout.write(console.rendered(outcome, colour=sys.stdout.isatty()))
        return 0 if all(outcome.ok for outcome in outcomes) else 1


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from None


def write_reports(reports: Iterable[Path], outcomes: Sequence[Outcome]) -> None:
    """Write each report in the form that its ending says."""
    for report in reports:
        text = REPORTS[report.suffix](outcomes)
        try:
            report.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise SettingsError(f"{report} cannot be written: {error.strerror}.") from None


def read_events(path: Path) -> list[Outcome]:
    """Return the runs of a file of events; raises `SettingsError` for what is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is no event stream: it is not UTF-8.") from None
    try:
        outcomes = events.read(events.parsed(text), source=str(path))
    except SettingsError as error:
        raise SettingsError(f"{path}, {error}") from None
    if not outcomes:
        raise SettingsError(f"{path} holds no run: an event stream of verify begins with a start.")
    return outcomes


def words_of(options: Mapping[str, Any]) -> str:
    """Return options as they are typed; those that are not set are left out."""
    return "".join(
        f" --{name.replace('_', '-')} {shlex.quote(str(value))}"
        for name, value in options.items()
        if value not in {None, "", 0}
    )
