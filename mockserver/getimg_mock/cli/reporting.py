"""What the commands that verify have in common: options for reports, progress, and results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from getimg_mock.cli.colour import is_coloured
from getimg_mock.reports import console
from getimg_mock.reports.formats import FORMATS, write_report
from getimg_mock.reports.printable_text import replace_unprintable

if TYPE_CHECKING:
    import argparse
    from types import TracebackType
    from typing import Self

    from getimg_mock.contract.verification.result import Verification
    from getimg_mock.reports.run_events import RunEvent


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


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Add the option for reports."""
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="write a report; the ending says which: " + " ".join(FORMATS),
    )


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


def show_result(result: Verification, reports: list[Path], *, brief: bool = False) -> int:
    """Write the reports and, unless `brief`, print each run; returns the exit status."""
    for path in reports:
        write_report(path, result.outcomes)
    for outcome in result.outcomes:
        if not brief and not outcome.twin:
            sys.stdout.write(console.render_console(outcome, colour=is_coloured(sys.stdout)))
    return result.status
