"""`getimg-mock verify client`: verify clients by their contract."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli import reporting
from getimg_mock.cli.program_options import PROGRAM_PRESET
from getimg_mock.cli.serve import add_settings, format_settings, load_settings
from getimg_mock.contract.clients.drivers.adapters import SHIPPED
from getimg_mock.contract.clients.drivers.driver_lookup import CASE_SECONDS
from getimg_mock.contract.clients.observed_traffic import ObservedCommand
from getimg_mock.contract.verification.client import verify_client
from getimg_mock.errors import SettingsError
from getimg_mock.serving.kept_objects import collect_rarely
from getimg_mock.setting_values import MEMORY_STORE

if TYPE_CHECKING:
    import argparse

    from getimg_mock.contract.verification.client import Client
    from getimg_mock.contract.verification.result import Verification

_OWN_OPTIONS: Final = frozenset({"seed", "scenario"})
"""The settings of the fake for which `verify client` has an option of its own."""

_PROCESSES: Final = 2
"""The same on every machine, as a client that keeps state between cases may see the difference."""
_MAX_PROCESSES: Final = 64


def add_command(kinds: argparse._SubParsersAction[Any]) -> None:
    """Add `verify client`."""
    parser = kinds.add_parser(
        "client",
        help="say what a client does wrong, with evidence and cost",
        description="Put clients through the contract. Each is an adapter in Python, "
        "package.module:make, or one that ships: " + ", ".join(SHIPPED) + ".",
        epilog="getimg-mock verify client --observe -- pytest tests/ judges a program by what the "
        "fake sees of it; it finds the fake by GETIMG_AI_BASE_URL.",
        allow_abbrev=False,
    )
    _add_client_options(parser)
    _add_case_options(parser)
    add_settings(parser, hidden=True, without=_OWN_OPTIONS)
    reporting.add_options(parser)
    parser.add_argument(
        "--scorecard", action="store_true", help="print one line a client, nothing else"
    )


def _add_client_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("clients", nargs="*", metavar="CLIENT", help="adapters; several are put side by side")
    add(
        "--program",
        action="append",
        default=[],
        metavar="COMMAND",
        help="a driver in any language: JSON lines in and out",
    )
    add(
        "--target",
        default="fake",
        metavar="WHERE",
        help="fake, real, or a URL: cases without faults, there and on the fake",
    )
    add("--key", metavar="KEY", help="API key for --target (default: GETIMG_API_KEY)")
    add("--budget", metavar="USD", help="the most that may be spent at --target today")
    _add_observation_options(parser)


def _add_observation_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--observe",
        action="store_true",
        help="run a command and judge what the fake sees of it; takes all options of "
        "getimg-mock serve, such as --port",
    )
    add(
        "--scenario",
        action="append",
        default=[],
        metavar="NAME",
        help="with --observe: scenarios in force",
    )


def _add_case_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--only", metavar="IDS", help="checks to judge: GC4, GC401, or several with commas")
    add("--seed", default="0", metavar="TEXT", help="what words and names are drawn from")
    add(
        "--random",
        type=_parse_count,
        default=0,
        metavar="N",
        help="schedules of faults to try, for the shortest that costs twice",
    )
    add(
        "--processes",
        type=_parse_processes,
        default=_PROCESSES,
        metavar="N",
        help="how many processes share the cases of an adapter, where they can be forked "
        "(default: %(default)s)",
    )
    add(
        "--case-seconds",
        type=_parse_seconds,
        default=CASE_SECONDS,
        metavar="SECONDS",
        help="real time after which a case is ended (default: %(default)g); the cases of a program "
        "together may take twice as long",
    )


def _parse_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < 1e9:
        raise SettingsError(f"--case-seconds {text}: write a number of seconds, 30 for example.")
    return seconds


def _parse_processes(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count <= _MAX_PROCESSES:
        raise SettingsError(f"--processes {text}: write a number from 1 to {_MAX_PROCESSES}.")
    return count


def _parse_count(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if count < 1:
        raise SettingsError(f"--random {text}: write how many schedules to try, 1 or more.")
    return count


def run(arguments: argparse.Namespace) -> int:
    """Verify; returns 0 when the contract holds, 1 when not, 2 when next to nothing was tried."""
    reporting.require_outputs(arguments)
    # Histories are kept to the end: looking at them for garbage is a tenth of the time of a run.
    with collect_rarely(), reporting.Progress() as progress:
        result = verify_client(
            *_collect_clients(arguments),
            only=arguments.only,
            seed=arguments.seed,
            random=arguments.random,
            case_seconds=arguments.case_seconds,
            processes=arguments.processes,
            target=arguments.target,
            key=arguments.key,
            budget=arguments.budget,
            known_failures=arguments.known_failures,
            events=arguments.events,
            keep_events=True,
            on_event=progress.show,
        )
    status = reporting.show_result(result, arguments, brief=arguments.scorecard)
    if not reporting.is_printed(arguments):
        _show_scorecards(result, named=arguments.scorecard)
    for sentence in result.gaps:
        sys.stderr.write(f"getimg-mock: {sentence}\n")
    return status


def _collect_clients(arguments: argparse.Namespace) -> list[Client]:
    given = format_settings(arguments, without=_OWN_OPTIONS)
    if arguments.observe:
        return [_build_observed(arguments, given)]
    if given or arguments.scenario:
        name = given[0] if given else "--scenario"
        raise SettingsError(f"{name} is for the fake of --observe -- COMMAND; leave it out.")
    clients = [*arguments.clients, *(f"program:{each}" for each in arguments.program)]
    if not clients:
        raise SettingsError(
            "Name a client: package.module:make, one that ships ("
            f"{', '.join(SHIPPED)}), --program COMMAND, or --observe -- COMMAND."
        )
    return clients


def _build_observed(arguments: argparse.Namespace, given: list[str]) -> ObservedCommand:
    for name in ("store", "workers"):
        if hasattr(arguments, name):
            raise SettingsError(f"Leave out --{name}: the fake of --observe keeps nothing.")
    preset = {**PROGRAM_PRESET, "store": MEMORY_STORE, "workers": 1}
    settings = load_settings(arguments, preset)
    return ObservedCommand(arguments.clients, arguments.scenario, settings, given)


def _show_scorecards(result: Verification, *, named: bool) -> None:
    for outcome in result.outcomes:
        prefix = f"{outcome.target}  " if len(result.outcomes) > 1 or named else ""
        sys.stdout.write(f"{prefix}{outcome.scorecard}\n")
