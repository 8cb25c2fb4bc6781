"""`getimg-mock completion`: what completes commands, options and their values in a shell."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli import COMMANDS
from getimg_mock.cli.option_parser import build_parser, list_children
from getimg_mock.cli.shell_scripts import FILES, SCRIPTS, CompletionLevel
from getimg_mock.cli.word_order import HELP
from getimg_mock.contract.verification.registry import list_checks
from getimg_mock.world.rule_files import list_scenario_names

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_FILES: Final = ("FILE", "PATH", "FOLDER")


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `completion`."""
    parser = commands.add_parser(
        "completion",
        help=COMMANDS["completion"],
        description="Print a script that completes commands, options, scenarios and check ids.",
        epilog='bash: eval "$(getimg-mock completion bash)"   zsh: the same with zsh   '
        "fish: getimg-mock completion fish | source",
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=tuple(SCRIPTS), metavar="SHELL", help="bash, zsh or fish")


def run(arguments: argparse.Namespace) -> int:
    """Print the script of a shell; returns 0."""
    sys.stdout.write(SCRIPTS[arguments.shell](list_levels()))
    return 0


def list_levels() -> list[CompletionLevel]:
    """Return what can follow each command and action, for shell scripts."""
    parser = build_parser(COMMANDS, COMMANDS)
    top = _build_level("", parser)
    top.words.append(HELP)
    return [top, CompletionLevel(HELP, list(COMMANDS)), *_list_below("", parser)]


def _list_below(path: str, parser: argparse.ArgumentParser) -> Iterator[CompletionLevel]:
    for name, child in list_children(parser).items():
        place = f"{path} {name}".strip()
        yield _build_level(place, child)
        yield from _list_below(place, child)


def _build_level(path: str, parser: argparse.ArgumentParser) -> CompletionLevel:
    level = CompletionLevel(path)
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
        values = _list_values(path, action)
        if not action.option_strings:
            level.words.extend(each for each in values if each != FILES)
            continue
        level.words.extend(action.option_strings)
        if values and action.nargs != 0:
            level.values.update(dict.fromkeys(action.option_strings, values))
    return level


def _list_values(path: str, action: argparse.Action) -> tuple[str, ...]:
    """Return what completes the value of an option or argument, `FILES`, or nothing."""
    if action.choices is not None:
        return tuple(map(str, action.choices))
    metavar = str(action.metavar or "")
    if action.dest == "scenario" or (path == "scenario add" and action.dest == "words"):
        return list_scenario_names()
    if action.dest in {"only", "id"} and path.partition(" ")[0] in {"verify", "explain"}:
        return tuple(check.id for check in list_checks())
    if "|" in metavar and not metavar.isupper():
        return tuple(metavar.split("|"))
    return (FILES,) if metavar in _FILES else ()
