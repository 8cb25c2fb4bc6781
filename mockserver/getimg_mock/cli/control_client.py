"""How the control commands of the command line find a running fake and a workspace on it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.control.channels import RemoteChannel
from getimg_mock.errors import GetimgMockError, SettingsError
from getimg_mock.redaction import shorten_key
from getimg_mock.world.identities import derive_workspace_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

URL_VARIABLES: Final = ("GETIMG_MOCK_URL", "GETIMG_AI_BASE_URL")
KEY_VARIABLES: Final = ("GETIMG_MOCK_KEY", "GETIMG_API_KEY")
TOKEN_VARIABLES: Final = ("GETIMG_MOCK_TOKEN", "GETIMG_MOCK_CONTROL_TOKEN")
DEFAULT_URL: Final = "http://127.0.0.1:4010"

_MAX_NAMED: Final = 8

# Actions that show something: a command that changes something may well come first.
_READING: Final = frozenset({"count", "export", "list", "now", "show"})


def add_command(
    commands: argparse._SubParsersAction[Any], name: str, summary: str
) -> argparse.ArgumentParser:
    """Add a command and return its parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + ".", allow_abbrev=False
    )
    return parser


def add_actions(
    commands: argparse._SubParsersAction[Any], name: str, summary: str
) -> Callable[[str, str], argparse.ArgumentParser]:
    """Add a command that has actions; returns what adds one."""
    parser = add_command(commands, name, summary)
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    return lambda action, about: with_connection(add_command(actions, action, about))


def with_connection(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the options that say which fake and whose workspace."""
    group = parser.add_argument_group("which fake and whose workspace")
    group.add_argument("--url", help=f"its address ({' or '.join(URL_VARIABLES)}; {DEFAULT_URL})")
    group.add_argument("--key", help=f"the API key of the workspace ({' or '.join(KEY_VARIABLES)})")
    group.add_argument("--token", help=f"the control token, if it has one ({TOKEN_VARIABLES[0]})")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def open_channel(arguments: argparse.Namespace, *, keyless: bool = False) -> RemoteChannel:
    """Return the channel that arguments and environment describe; raises `SettingsError`.

    A `keyless` channel is for commands on the fake as a whole.
    """
    key = "" if keyless else arguments.key or _from_environment(KEY_VARIABLES)
    if key is None:
        raise SettingsError(f"Say whose workspace with --key, or set {' or '.join(KEY_VARIABLES)}.")
    url = arguments.url or _from_environment(URL_VARIABLES) or DEFAULT_URL
    channel = RemoteChannel(
        url.rstrip("/"), key, arguments.token or _from_environment(TOKEN_VARIABLES)
    )
    if not keyless and getattr(arguments, "action", None) in _READING:
        arguments.note = _describe_unused_key(channel)
    return channel


def _describe_unused_key(channel: RemoteChannel) -> str | None:
    """Return what to say of a key that has no workspace: a mistyped key shows an empty one."""
    listed = channel.with_key("").call("GET", "/workspaces")["workspaces"]
    own = derive_workspace_id(channel.key)
    if not listed or any(each["id"] == own for each in listed):
        return None
    others = ", ".join(each["key"] for each in listed[:_MAX_NAMED])
    more = f" and {len(listed) - _MAX_NAMED} more" if len(listed) > _MAX_NAMED else ""
    return (
        f"{shorten_key(channel.key)} had no workspace, so this shows a new one. "
        f"Keys that have one: {others}{more}."
    )


def print_answer(arguments: argparse.Namespace, answer: Any, lines: Iterable[str]) -> int:
    """Print an answer, as JSON where that is asked for, else as `lines`; returns 0."""
    if arguments.json:
        sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines)
    note = getattr(arguments, "note", None)
    if note is not None:
        sys.stderr.write(f"getimg-mock: {note}\n")
    return 0


def write_output(path: str | None, text: str) -> int:
    """Write `text` to a file, or print it; returns 0."""
    if path is None or path == "-":
        sys.stdout.write(text)
        return 0
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise GetimgMockError(f"{path} cannot be written: {error.strerror}.") from None
    return 0


def _from_environment(names: Iterable[str]) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
