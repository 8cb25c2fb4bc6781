"""`getimg-mock report FILE...`: put recorded runs side by side, in one report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cli import reporting
from getimg_mock.cli.colour import is_coloured
from getimg_mock.reports import console
from getimg_mock.reports.formats import read_events, require_reports, write_report

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `report`."""
    parser = commands.add_parser(
        "report",
        help="put recorded runs side by side, in one report",
        description="Put the runs of event streams of verify side by side: several targets, "
        "several clients, or both. Without --report each is printed.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="event streams of verify"
    )
    reporting.add_reports(parser)


def run(arguments: argparse.Namespace) -> int:
    """Report; returns 0, whatever the verdicts of the runs."""
    require_reports(arguments.report)
    outcomes = [outcome for path in arguments.files for outcome in read_events(path)]
    for path in arguments.report:
        write_report(path, outcomes)
    for outcome in outcomes:
        if not arguments.report:
            sys.stdout.write(console.render_console(outcome, colour=is_coloured(sys.stdout)))
    return 0
