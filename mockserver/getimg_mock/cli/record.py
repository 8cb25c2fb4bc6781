"""`getimg-mock record`: a program against the API itself, under a ceiling, and recorded."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cassettes.learned_settings import write_learned
from getimg_mock.cli.program_options import add_program_options, build_program
from getimg_mock.contract.cassette_recording.recording_run import (
    REAL,
    RecordingOptions,
    finish_recording,
    judge_finished,
    open_recording,
    render_recording,
)
from getimg_mock.contract.cassette_recording.recording_verdict import render_verdict
from getimg_mock.errors import SettingsError
from getimg_mock.settings import Settings
from getimg_mock.user_files import require_writable

if TYPE_CHECKING:
    import argparse

    from getimg_mock.contract.cassette_recording.recording_application import RecordingApplication


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `record` with its options."""
    parser = commands.add_parser(
        "record",
        help="run a program against the API under a ceiling, and record it",
        description="Run a program whose requests go to the API through a money gate, record what "
        "is exchanged as a cassette, and end with the program's status.",
        epilog="getimg-mock record --budget 0.50 --out cassette -- python my_program.py",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("program", nargs="*", metavar="COMMAND", help="the program and its arguments, after --")
    _add_recording_options(parser)
    _add_program_options(parser)


def _add_program_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("cassette"),
        help="the folder of the cassette (default: %(default)s)",
    )
    add(
        "--learn",
        metavar="FILE",
        type=Path,
        help="write a settings file, with models, that makes the fake follow what was recorded",
    )
    add_program_options(
        parser,
        api_host_help="a further host whose requests are recorded, such as your gateway to the API",
    )


def _add_recording_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--upstream",
        metavar="URL",
        default=REAL,
        help="the service that requests go to: real, or a URL (default: real)",
    )
    add(
        "--budget",
        metavar="USD",
        help="the most that may be spent today, over all runs; without it reads alone pass",
    )


def run(arguments: argparse.Namespace) -> int:
    """Record the program; returns its status."""
    if not arguments.program:
        raise SettingsError("Say what to record: getimg-mock record --budget 1 -- python app.py")
    program = build_program(arguments, key=None)
    options = RecordingOptions(
        folder=arguments.out, upstream=arguments.upstream, budget=arguments.budget
    )
    if arguments.learn is not None:
        require_writable(arguments.learn)
    app = open_recording(options, Settings.of(port=0, quiet=True))
    try:
        status, _ = program.run(app, os.environ)
    finally:
        finish(app, arguments.learn)
    return status


def finish(app: RecordingApplication, learn: Path | None) -> None:
    """Write the cassette, and what was learned of it; print what it holds, and what it says."""
    summary = finish_recording(app)
    sys.stderr.write(render_recording(summary))
    if learn is not None:
        written = write_learned(learn, summary.learned)
        sys.stderr.write(f"wrote {', '.join(map(str, written))}\n")
    if summary.manifest.exchanges or summary.manifest.jobs:
        sys.stderr.write(render_verdict(judge_finished(app, summary)))
