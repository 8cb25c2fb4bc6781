"""The command getimg-mock."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

from getimg_mock.cli.colour import CHOICES, OPTION, take_choice
from getimg_mock.cli.word_order import find_name, move_options, replace_help
from getimg_mock.errors import GetimgMockError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

NEAR: Final = 0.7
"""How alike a command or option is to another that may be meant: "test" is not "reset" (0.67)."""

# One module a command; only the one that was asked for is imported.
COMMANDS: Final = {
    "serve": "start the fake",
    "ca": "show how programs trust the certificates of serve --tls",
    "run": "run a program of any language against a fake",
    "record": "run a program against the API under a ceiling, and record it",
    "openapi": "print the OpenAPI document",
    "verify": "judge a provider or a client by the contract",
    "explain": "say what a check holds, and why",
    "cassette": "list, check, prune or convert recordings of the API",
    "replay": "run the plans of recorded failures again",
    "drift": "say what has changed in the API",
    "report": "put recorded runs side by side, in one report",
    "request": "send one request to the API as the client of a workspace",
    "verdict": "judge the client of a workspace by the requests it sent so far",
    "workspaces": "list the workspaces of all keys",
    "clock": "read or move a workspace's clock",
    "scenario": "put scenarios in force",
    "media": "deliver files of your own in new generations",
    "models": "list the models of a fake",
    "generations": "list generations, and end them by hand",
    "ledger": "see or change a workspace's balance",
    "limits": "see or change a workspace's rate limits",
    "transitions": "set how new generations end",
    "settings": "see or change a workspace's settings",
    "journal": "read a workspace's journal",
    "reset": "empty a workspace: it begins again",
    "snapshot": "write a workspace down as JSON",
    "restore": "go back to a snapshot",
    "store": "list or delete what a store keeps",
    "fork": "copy a workspace to another key",
    "completion": "print what completes commands in bash, zsh or fish",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 when something was wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(replace_help(take_choice(words)))
    except GetimgMockError as error:
        sys.stderr.write(f"getimg-mock: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


def _run(words: list[str]) -> int:
    name = find_name(words, COMMANDS)
    if name is not None and name not in COMMANDS:
        raise UnknownNameError("command", name, COMMANDS, near=NEAR)
    parser = build_parser({name})
    if name is not None:
        words = move_options(words, name)
        actions = list_actions(parser, name)
        if (action := find_name(words[1:], actions)) in actions:
            words = [name, *move_options(words[1:], str(action))]
    parsed = parser.parse_args(words)
    if parsed.version:
        from getimg_mock.control.package_version import find_version  # noqa: PLC0415 - slow, and rarely asked

        sys.stdout.write(f"getimg-mock {find_version()}\n")
        return 0
    if name is None:
        parser.print_help()
        return 2
    run: int = import_module(f"getimg_mock.cli.{name}").run(parsed)
    return run


def build_parser(detailed: Collection[str | None]) -> Parser:
    """Return the parser, with the options and actions of the commands in `detailed`."""
    parser = Parser(
        prog="getimg-mock",
        description="A stand-in for the getimg.ai v2 API.",
        epilog="getimg-mock help COMMAND shows its options. They may also be before it.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="store_true", help="print the version")
    add(OPTION, choices=CHOICES, help="whether to colour output (also NO_COLOR, FORCE_COLOR)")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for command, summary in COMMANDS.items():
        if command in detailed:
            import_module(f"getimg_mock.cli.{command}").add_command(commands)
        else:
            commands.add_parser(command, help=summary)
    return parser


def list_children(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of the commands or actions of a parser by name."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            found |= action.choices
    return found


def list_actions(parser: argparse.ArgumentParser, command: str) -> dict[str, Any]:
    """Return the parsers of the actions of a command by name; most commands have none."""
    return list_children(list_children(parser)[command])


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and name the nearest option."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            self.refuse_unknown(unknown.split()[0])
        raise GetimgMockError(f"{message}. See {self.prog} --help.")

    def refuse_unknown(self, word: str) -> NoReturn:
        """Raise the error for an option or argument that does not exist."""
        known = [option for action in self._actions for option in action.option_strings]
        raise UnknownNameError("option", word.partition("=")[0], known, near=NEAR)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a word that is none of an argument's, naming the nearest."""
        if action.choices is not None and value not in action.choices:
            raise UnknownNameError(
                str(action.metavar or action.dest).lower(), value, action.choices
            )

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - argparse's own, untyped overloads
        """Parse, and let this parser, which knows its options, refuse what is left over."""
        parsed, rest = super().parse_known_args(args, namespace)
        if rest:
            self.refuse_unknown(rest[0])
        return parsed, rest
