"""`getimg-mock settings`: see or change the settings of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer
from getimg_mock.cli.scenario import parse_words
from getimg_mock.latency_file import resolve_latency_files

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `settings` and its actions."""
    add = add_actions(commands, "settings", "see or change a workspace's settings")
    add("show", "show the settings that can be changed")
    add("set", "change settings for new generations").add_argument(
        "words", nargs="+", metavar="KEY=VALUE", help="such as retention=60 fail_rate=0.1"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the action and print the settings."""
    channel = open_channel(arguments)
    if arguments.action == "set":
        values = parse_words(arguments.words)
        answer = channel.call("PATCH", "/settings", resolve_latency_files(values))
    else:
        answer = channel.call("GET", "/settings")
    return print_answer(arguments, answer, (f"{name}: {value}" for name, value in answer.items()))
