"""What `run` and `record` have in common: the options of a program that is run against a fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import SettingsError
from getimg_mock.serving.child_environment import read_header
from getimg_mock.serving.program_run import API_HOSTS, ProgramRun
from getimg_mock.setting_values import read_host_names
from getimg_mock.settings import ADDRESS_SETTINGS, Settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

PROGRAM_PRESET: Final[Mapping[str, Any]] = {
    **{name: getattr(Settings(), name) for name in ADDRESS_SETTINGS},
    "port": 0,
    "quiet": True,
}
"""What replaces variables and the settings file: their addresses are those of `serve`."""


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

    Raises `SettingsError` for a header without a value, and for what is not a host.
    """
    hosts = _read_hosts(arguments.api_host)
    return ProgramRun(
        command=arguments.program,
        headers=[read_header(each) for each in arguments.header],
        hosts=API_HOSTS.union(hosts),
        **more,
    )


def _read_hosts(given: list[str]) -> tuple[str, ...]:
    try:
        hosts = read_host_names(given)
    except SettingsError as error:
        raise SettingsError(f"--api-host: {error}") from None
    if wild := next((each for each in hosts if "*" in each), None):
        raise SettingsError(f"--api-host: {wild!r} is not one host: give the option for each.")
    return hosts
