"""`getimg-mock models`: list the models of a running fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `models` and its action."""
    add = add_actions(commands, "models", "list the models of a fake")
    add("list", "list the models").add_argument("--type", help="image or video")


def run(arguments: argparse.Namespace) -> int:
    """Print the models, one a line: id, type and name."""
    criteria = {"type": arguments.type} if arguments.type else {}
    answer = open_channel(arguments).call("GET", "/models", criteria)
    found = answer["models"]
    return print_answer(arguments, answer, map(_line, found) if found else ["No models."])


def _line(model: dict[str, Any]) -> str:
    return f"{model['id']}  {model['type']}  {model['name']}"
