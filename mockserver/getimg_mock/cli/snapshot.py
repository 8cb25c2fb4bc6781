"""`getimg-mock snapshot`: write down everything that a workspace of a running fake is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from getimg_mock.cli import control_client

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `snapshot`."""
    parser = control_client.add_command(commands, "snapshot", "write a workspace down as JSON")
    parser.add_argument("file", nargs="?", help="where to write it (standard output)")
    control_client.with_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the snapshot."""
    state = control_client.open_channel(arguments).call("GET", "/snapshot")["state"]
    return control_client.write_output(arguments.file, json.dumps(state, indent=1) + "\n")
