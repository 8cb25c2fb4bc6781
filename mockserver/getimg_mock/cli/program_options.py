"""What `run` and `record` have in common: the options of a program that is run against a fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.serving.child_environment import read_header
from getimg_mock.serving.program_run import API_HOSTS, ProgramRun

if TYPE_CHECKING:
    import argparse


def add_program_options(parser: argparse.ArgumentParser, *, api_host_help: str) -> None:
    """Add `--header` and `--api-host`."""
    add = parser.add_argument
    add(
        "--header",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a header that the official SDKs send with each request",
    )
    add("--api-host", action="append", default=[], metavar="NAME", help=api_host_help)


def build_program(arguments: argparse.Namespace, **more: Any) -> ProgramRun:
    """Return the run of the program that a command line names; `more` are fields of it.

    Raises `SettingsError` for a header without a value.
    """
    return ProgramRun(
        command=arguments.program,
        headers=[read_header(each) for each in arguments.header],
        hosts=API_HOSTS | {each.lower() for each in arguments.api_host},
        **more,
    )
