"""`getimg-mock fork`: copy a workspace of a running fake to another key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.cli import control_client

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `fork`."""
    parser = control_client.add_command(commands, "fork", "copy a workspace to another key")
    parser.add_argument("copy", metavar="KEY", help="the key of the copy; what it had is replaced")
    control_client.with_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Copy the workspace and print the summary of the copy."""
    answer = control_client.open_channel(arguments).call("POST", "/fork", {"key": arguments.copy})
    line = f"{arguments.copy}: balance {answer['balance']} USD, it is {answer['now'][:19]}Z"
    return control_client.print_answer(arguments, answer, [line])
