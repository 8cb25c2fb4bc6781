"""The reference of the command line: every command, its actions, and their options."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from getimg_mock.cli import COMMANDS
from getimg_mock.cli.option_parser import build_parser, list_children
from getimg_mock.settings import format_option_name, list_options
from tests.docs.markdown_tables import render_table

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS: Final = {f"--{format_option_name(each.name)}" for each in list_options()}
_SHARED: Final = {"--url", "--key", "--token", "--json"}
"""What every command has that asks a fake, when it has all of them: the page says it once."""


def render_commands() -> str:
    """Return a section for each command, with its actions and options."""
    commands = list_children(build_parser(COMMANDS, COMMANDS))
    return "\n".join(_render_command(name, parser) for name, parser in commands.items())


def _render_command(name: str, parser: argparse.ArgumentParser) -> str:
    leaves = list(_list_leaves(name, parser))
    rows = [row for path, leaf in leaves for row in _list_rows(path, leaf, within=name)]
    table = render_table(("words", "what they say"), rows) if rows else ""
    return f"### {name}\n\n{parser.description}\n" + (f"\n{table}" if table else "")


def _list_leaves(
    path: str, parser: argparse.ArgumentParser
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    children = list_children(parser)
    if not children:
        yield path, parser
    for name, child in children.items():
        yield from _list_leaves(f"{path} {name}", child)


def _list_rows(
    path: str, parser: argparse.ArgumentParser, *, within: str
) -> Iterator[tuple[str, str]]:
    shown = [each for each in parser._actions if each.help != argparse.SUPPRESS]
    known = {option for each in shown for option in each.option_strings}
    left_out = _SETTINGS | {"--help"} | (_SHARED if known >= _SHARED else set())
    operands = [each for each in shown if not each.option_strings]
    if path != within:
        words = " ".join([path, *map(_name_value, operands)])
        yield f"`{words}`", str(parser.description)
        operands = []
    for each in (*operands, *(each for each in shown if each.option_strings)):
        if not left_out & {*each.option_strings}:
            words = " ".join([*each.option_strings[:1], *[_name_value(each)]]).strip()
            yield f"`{words}`", str(each.help) % {"default": each.default}
    if known & _SETTINGS:
        yield "`--SETTING VALUE`", _describe_settings(known & _SETTINGS)


def _describe_settings(taken: set[str]) -> str:
    if len(taken) > len(_SETTINGS) / 2:
        return "the [settings](settings.md) of the fake"
    return ", ".join(f"`{each}`" for each in sorted(taken)) + ", as in [Settings](settings.md)"


def _name_value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices and not action.metavar:
        return "|".join(map(str, action.choices))
    return str(action.metavar or action.dest.upper())
