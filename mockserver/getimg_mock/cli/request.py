"""`getimg-mock request`: send one request to the API as the client of a workspace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from getimg_mock.cli import control_client
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `request`."""
    parser = control_client.add_command(
        commands, "request", "send one request to the API as the client of a workspace"
    )
    parser.add_argument("method", help="GET or POST")
    parser.add_argument("path", help="path and query, such as /v2/models")
    parser.add_argument("body", nargs="?", metavar="JSON", help="the body of a POST")
    control_client.with_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send it, and print the status and the answer."""
    sent: dict[str, Any] = {"method": arguments.method, "path": arguments.path}
    if arguments.body is not None:
        try:
            sent["body"] = json.loads(arguments.body)
        except ValueError as error:
            raise SettingsError(f"The body is not JSON: {error}.") from None
    answer = control_client.open_channel(arguments).call("POST", "/requests", sent)
    body = json.dumps(answer["json"], indent=2) if "json" in answer else answer["text"]
    return control_client.print_answer(arguments, answer, [str(answer["status"]), body])
