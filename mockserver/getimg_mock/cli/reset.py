"""`getimg-mock reset`: empty a workspace of a running fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.cli import control_client

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `reset`."""
    control_client.with_connection(
        control_client.add_command(commands, "reset", "empty a workspace: it begins again")
    )


def run(arguments: argparse.Namespace) -> int:
    """Reset the workspace."""
    answer = control_client.open_channel(arguments).call("POST", "/reset")
    said = f"The workspace is empty; it is {answer['now']}, the balance is {answer['balance']} USD."
    return control_client.print_answer(arguments, answer, [said])
