"""What the commands that verify have in common: options for reports, progress, and results."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from getimg_mock.cli import ci
from getimg_mock.cli.ci import SERVICES
from getimg_mock.cli.colour import is_coloured
from getimg_mock.reports import console
from getimg_mock.reports.formats import FORMATS, STDOUT, require_reports, write_report
from getimg_mock.reports.known_failures import render_known_failures
from getimg_mock.reports.printable_text import replace_unprintable
from getimg_mock.user_files import require_writable, write_user_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from getimg_mock.contract.verification.result import Verification
    from getimg_mock.reports.run_events import Outcome, RunEvent


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the event stream, reports, and known failures."""
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
    add(
        "--write-known-failures",
        metavar="FILE",
        type=Path,
        help="write the checks that fail now as such a list",
    )
    add(
        "--ci",
        choices=SERVICES,
        help="where to show annotations and a summary (default: found by itself)",
    )


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Add the option for reports."""
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="write a report; the ending says which, and - prints it: " + " ".join(FORMATS),
    )
    parser.add_argument(
        "--format",
        choices=[ending.removeprefix(".") for ending in FORMATS],
        help="the format of --report - and of a path without an ending",
    )


def require_outputs(arguments: argparse.Namespace) -> None:
    """Raise `SettingsError` unless every file can be written that options name."""
    require_reports(arguments.report, arguments.format)
    if getattr(arguments, "write_known_failures", None):
        require_writable(arguments.write_known_failures)


class Progress:
    """Shows on a terminal how far a run has come; a context manager that clears its line."""

    def __init__(self) -> None:
        self._total = "?"
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def show(self, event: RunEvent) -> None:
        """Show an event; does nothing unless standard error is a terminal."""
        if not sys.stderr.isatty():
            return
        if event["event"] == "start":
            self._total, self._done = str(event["plans"]), 0
        elif event["event"] in {"plan", "case", "skip"}:
            self._done += 1
            name = replace_unprintable(str(event.get("plan", event.get("case"))))[:60]
            sys.stderr.write(f"\r\x1b[K{self._done}/{self._total}  {name}")
            sys.stderr.flush()
        elif event["event"] == "end":
            self._clear()

    def _clear(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def show_result(result: Verification, arguments: argparse.Namespace, *, brief: bool = False) -> int:
    """Write what the options ask for and, unless `brief`, print each run; returns the exit status.

    No run is printed where a report is.
    """
    write_reports(arguments, result.outcomes)
    if arguments.write_known_failures:
        write_user_file(arguments.write_known_failures, render_known_failures(result.outcomes))
    ci.publish(result.outcomes, arguments.ci or ci.detect_service(os.environ))
    for outcome in result.outcomes:
        if not brief and not outcome.twin and not is_printed(arguments):
            sys.stdout.write(console.render_console(outcome, colour=is_coloured(sys.stdout)))
    return result.status


def write_reports(arguments: argparse.Namespace, outcomes: Sequence[Outcome]) -> None:
    """Write the reports that the options ask for."""
    for path in arguments.report:
        write_report(path, outcomes, arguments.format)


def is_printed(arguments: argparse.Namespace) -> bool:
    """Return whether a report takes standard output, so that nothing else may be printed."""
    return STDOUT in arguments.report
