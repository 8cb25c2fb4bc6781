"""`getimg-mock transitions`: set how new generations of a workspace end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer
from getimg_mock.cli.scenario import parse_words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `transitions` and its actions."""
    add = add_actions(commands, "transitions", "set how new generations end")
    add("show", "show the rules")
    for action, about in (
        ("set", "set a rule for all new generations, or for those of a model"),
        ("next", "set a rule for the next generation only"),
    ):
        add(action, about).add_argument(
            "words", nargs="+", metavar="KEY=VALUE", help="such as seconds=600 model='seedance-*'"
        )
    add("clear", "remove every rule")


def run(arguments: argparse.Namespace) -> int:
    """Run the action and print the rules."""
    channel, action = open_channel(arguments), arguments.action
    if action == "set":
        answer = channel.call("POST", "/transitions", parse_words(arguments.words))
    elif action == "next":
        answer = channel.call("POST", "/transitions/next", parse_words(arguments.words))
    elif action == "clear":
        answer = channel.call("DELETE", "/transitions")
    else:
        answer = channel.call("GET", "/transitions")
    return print_answer(arguments, answer, _render_lines(answer))


def _render_lines(answer: dict[str, Any]) -> Iterator[str]:
    for name, value in answer.items():
        yield f"{name}: {json.dumps(value)}"
