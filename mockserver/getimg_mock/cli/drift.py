"""`getimg-mock drift`: what has changed in the API since the fake or a models file was made."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.contract.targets.http_target import REAL_API_URL
from getimg_mock.drift.drift_reports import (
    DRIFT_FORMATS,
    find_format,
    render_text,
    write_drift_report,
)
from getimg_mock.drift.drift_run import DriftOptions, find_drift
from getimg_mock.drift.sdk_releases import LATEST
from getimg_mock.reports.formats import STDOUT
from getimg_mock.reports.printable_text import replace_unprintable

if TYPE_CHECKING:
    import argparse

    from getimg_mock.drift.drift_rows import DriftReport


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `drift`."""
    parser = commands.add_parser(
        "drift",
        help="say what has changed in the API",
        description="Compare the official SDKs, and with a key the live catalogue, with the fake "
        "or a models file. Packages are read, not run. A service is only read from, which is "
        "free; without a key none is reached.",
        epilog="Status 1 means that a change is breaking, 2 that something was wrong.",
        allow_abbrev=False,
    )
    _add_sources(parser)
    add = parser.add_argument
    add(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        type=Path,
        help="write the table; the ending says how, and - prints it: " + " ".join(DRIFT_FORMATS),
    )
    add(
        "--format",
        choices=[ending.removeprefix(".") for ending in DRIFT_FORMATS],
        help="the format of --report - and of a path without an ending",
    )


def _add_sources(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--key", metavar="KEY", help="API key (default: GETIMG_API_KEY)")
    add("--target", metavar="WHERE", help="real (getimg.ai, the default), or a URL")
    add(
        "--sdk",
        action="append",
        default=[],
        metavar="WHAT",
        help="wheel, tarball, getimg==0.4.0, getimg-ai@0.3.2, latest (of pip and npm, the "
        "default) or none; may be given again",
    )
    add("--since", metavar="WHAT", help="compare --sdk with this package instead of the fake")
    _add_known(parser)


def _add_known(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--cassette",
        action="append",
        default=[],
        metavar="DIR",
        type=Path,
        help="judge a recording by the contract of today; may be given again",
    )
    add("--models", metavar="FILE", type=Path, help="compare catalogues with this models file")
    add(
        "--update",
        action="store_true",
        help="write the live catalogue and its evidence to --models (default: getimg-models.json)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compare and print; returns 1 when a change is breaking, else 0."""
    for path in arguments.report:
        find_format(path, arguments.format)
    report, difference = find_drift(
        DriftOptions(
            key=arguments.key or _find_key(arguments),
            target=REAL_API_URL if arguments.target in {None, "real"} else arguments.target,
            sdk=tuple(arguments.sdk) or (LATEST,),
            since=arguments.since,
            models=arguments.models,
            cassettes=tuple(arguments.cassette),
            update=arguments.update,
        )
    )
    _show(report, arguments)
    if difference and STDOUT not in arguments.report:
        lines = difference.splitlines()
        sys.stdout.write("".join(f"{replace_unprintable(line)}\n" for line in lines))
    return report.status


def _find_key(arguments: argparse.Namespace) -> str | None:
    """Return the key of the environment, unless two packages alone are compared."""
    alone = arguments.since is not None and arguments.target is None and not arguments.update
    return None if alone else os.environ.get("GETIMG_API_KEY")


def _show(report: DriftReport, arguments: argparse.Namespace) -> None:
    for path in arguments.report:
        if path == STDOUT:
            sys.stdout.write(find_format(path, arguments.format)(report))
        else:
            write_drift_report(path, report, arguments.format)
    if STDOUT not in arguments.report:
        sys.stdout.write(render_text(report))
