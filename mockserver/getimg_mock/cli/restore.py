"""`getimg-mock restore`: make a workspace of a running fake what a snapshot says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cli import control_client
from getimg_mock.errors import SettingsError

if TYPE_CHECKING:
    import argparse


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `restore`."""
    parser = control_client.add_command(commands, "restore", "go back to a snapshot")
    parser.add_argument("file", help="what getimg-mock snapshot wrote; - is standard input")
    control_client.with_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Restore the workspace."""
    state = read_snapshot(arguments.file)
    answer = control_client.open_channel(arguments).call("POST", "/restore", {"state": state})
    said = f"Restored: it is {answer['now']}, the balance is {answer['balance']} USD."
    return control_client.print_answer(arguments, answer, [said])


def read_snapshot(path: str) -> Any:
    """Return the JSON of a file, or of standard input for `-`.

    Raises `SettingsError` for a file that cannot be read or is not JSON.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path} is not JSON: {error}.") from None
