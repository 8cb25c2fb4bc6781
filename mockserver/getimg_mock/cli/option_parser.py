"""Parses command lines: the parser of a command has the options of that command alone."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn

from getimg_mock.cli.colour import CHOICES, OPTION
from getimg_mock.errors import GetimgMockError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

NEAR: Final = 0.7
"""How alike a command or option is to another that may be meant: "test" is not "reset" (0.67)."""


def build_parser(described: Mapping[str, str], detailed: Collection[str | None]) -> Parser:
    """Return the parser of commands and their summaries.

    It has the options and actions of the commands in `detailed`, whose modules are imported.
    """
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
    for command, summary in described.items():
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
        raise self._describe_unknown(word)

    def _describe_unknown(self, word: str) -> UnknownNameError:
        known = [option for action in self._actions for option in action.option_strings]
        return UnknownNameError("option", word.partition("=")[0], known, near=NEAR)

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
            program = self._find_program(parsed)
            if program and not self._describe_unknown(rest[0]).nearest:
                raise GetimgMockError(
                    f"Unknown option {rest[0]!r}. What belongs to the program follows --: "
                    f"{self.prog} -- {' '.join([*program, *rest])}"
                )
            self.refuse_unknown(rest[0])
        return parsed, rest

    def _find_program(self, parsed: argparse.Namespace) -> list[str]:
        """Return the program that a command is to run, as far as it was understood."""
        takes_one = any(
            each.dest == "program" and not each.option_strings for each in self._actions
        )
        found: list[str] = parsed.program if takes_one else []
        return found
