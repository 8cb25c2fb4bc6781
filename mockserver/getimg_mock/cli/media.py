"""`getimg-mock media`: deliver files of your own from a running fake."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer

if TYPE_CHECKING:
    import argparse

_CRITERIA = ("prompt", "model", "on")


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `media` and its actions."""
    add = add_actions(commands, "media", "deliver files of your own in new generations")
    add("list", "list the rules in force")
    adding = add("add", "deliver a file, or one of a folder")
    adding.add_argument("file", help="a picture, an MP4, or a folder, on the fake's machine")
    adding.add_argument("--prompt", metavar="REGEX", help="only where it occurs in the prompt")
    adding.add_argument("--model", metavar="GLOB", help="only for these models")
    adding.add_argument("--on", metavar="OPERATION", help="images.generate or videos.create")
    add("remove", "remove a rule, or all").add_argument("rule", help="its id, or all")


def run(arguments: argparse.Namespace) -> int:
    """Do it and print the rules."""
    channel = open_channel(arguments)
    if arguments.action == "add":
        criteria = {name: getattr(arguments, name) for name in _CRITERIA}
        path = str(Path(arguments.file).absolute())
        answer = channel.call("POST", "/media", {"file": path, **criteria})
    elif arguments.action == "list":
        answer = channel.call("GET", "/media")
    elif arguments.rule == "all":
        answer = channel.call("DELETE", "/media")
    else:
        answer = channel.call("DELETE", f"/media/{arguments.rule}")
    configured = [f"{_render_line(each)}  (configured)" for each in answer.get("configured", ())]
    own = [answer] if "id" in answer else answer["rules"]
    lines = [*configured, *map(_render_line, own)]
    return print_answer(arguments, answer, lines or ["No rules."])


def _render_line(rule: dict[str, Any]) -> str:
    criteria = " ".join(f"{name}={rule[name]}" for name in _CRITERIA if rule[name])
    count = len(rule["files"])
    files = "1 file" if count == 1 else f"{count} files"
    return f"{rule['id']}  {rule['source']} ({files})  {criteria or 'for all'}"
