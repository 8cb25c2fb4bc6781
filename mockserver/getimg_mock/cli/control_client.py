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
from getimg_mock.reports.printable_text import LINE_BREAKS, replace_unprintable
from getimg_mock.world.identities import derive_workspace_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

URL_VARIABLES: Final = ("GETIMG_MOCK_URL", "GETIMG_AI_BASE_URL")
KEY_VARIABLES: Final = ("GETIMG_MOCK_KEY", "GETIMG_API_KEY")
TOKEN_VARIABLES: Final = ("GETIMG_MOCK_TOKEN", "GETIMG_MOCK_CONTROL_TOKEN")
DEFAULT_URL: Final = "http://127.0.0.1:4010"

_MAX_NAMED: Final = 8


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

    A key that has no workspace is remarked on at once, so also where the command is refused.
    A `keyless` channel is for commands on the fake as a whole.
    """
    key = "" if keyless else arguments.key or _from_environment(KEY_VARIABLES)
    if key is None:
        raise SettingsError(f"Say whose workspace with --key, or set {' or '.join(KEY_VARIABLES)}.")
    url = arguments.url or _from_environment(URL_VARIABLES) or DEFAULT_URL
    channel = RemoteChannel(
        url.rstrip("/"), key, arguments.token or _from_environment(TOKEN_VARIABLES)
    )
    note = None if keyless else _describe_unused_key(channel)
    if note is not None:
        sys.stderr.write(f"getimg-mock: {note}\n")
    return channel


def _describe_unused_key(channel: RemoteChannel) -> str | None:
    """Return what to say of a key that has no workspace: a mistyped key shows an empty one.

    Of a key in another form than those of getimg.ai, the fake itself says what is wrong.
    """
    if not channel.key.startswith("sk_"):
        return None
    listed = channel.with_key("").call("GET", "/workspaces")["workspaces"]
    own = derive_workspace_id(channel.key)
    if not listed or any(each["id"] == own for each in listed):
        return None
    others = ", ".join(each["key"] for each in listed[:_MAX_NAMED])
    more = f" and {len(listed) - _MAX_NAMED} more" if len(listed) > _MAX_NAMED else ""
    return (
        f"{shorten_key(channel.key)} had no workspace: this command is for a new one. "
        f"Keys that have one: {others}{more}."
    )


def print_answer(
    arguments: argparse.Namespace, answer: Any, lines: Iterable[str], *, indent: int | None = 2
) -> int:
    """Print an answer, as JSON where that is asked for, else as `lines`; returns 0."""
    if arguments.json:
        sys.stdout.write(json.dumps(answer, indent=indent) + "\n")
    else:
        # Prompts and answers come from outside: a terminal would obey their control characters.
        sys.stdout.writelines(f"{replace_unprintable(line, keep=LINE_BREAKS)}\n" for line in lines)
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
