"""`getimg-mock report FILE...`: put recorded runs side by side, in one report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cli import reporting
from getimg_mock.cli.colour import is_coloured
from getimg_mock.reports import console
from getimg_mock.reports.badge import render_badge
from getimg_mock.reports.formats import read_events
from getimg_mock.user_files import require_writable, write_user_file

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `report`."""
    parser = commands.add_parser(
        "report",
        help="put recorded runs side by side, in one report",
        description="Put the runs of event streams of verify side by side: several targets, "
        "several clients, or both. Without --report and --badge each is printed.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="event streams of verify"
    )
    reporting.add_reports(parser)
    parser.add_argument(
        "--badge", metavar="FILE", type=Path, help="write a badge (SVG): how many checks pass"
    )


def run(arguments: argparse.Namespace) -> int:
    """Report; returns 0, whatever the verdicts of the runs."""
    reporting.require_outputs(arguments)
    if arguments.badge:
        require_writable(arguments.badge)
    outcomes = [outcome for path in arguments.files for outcome in read_events(path)]
    reporting.write_reports(arguments, outcomes)
    if arguments.badge:
        write_user_file(arguments.badge, render_badge(outcomes))
    for outcome in outcomes:
        if not arguments.report and not arguments.badge:
            sys.stdout.write(console.render_console(outcome, colour=is_coloured(sys.stdout)))
    return 0
