"""`getimg-mock generations`: see the generations of a workspace, and end them by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer
from getimg_mock.errors import GetimgMockError

if TYPE_CHECKING:
    import argparse

_CRITERIA = ("status", "kind", "model", "last", "skip")


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `generations` and its actions."""
    add = add_actions(commands, "generations", "list generations, and end them by hand")
    listing = add("list", "list generations, oldest first")
    listing.add_argument("--status", help="pending, completed or failed")
    listing.add_argument("--kind", help="image or video")
    listing.add_argument("--model", help="the model's id")
    listing.add_argument("--last", metavar="N", help="only the newest so many")
    listing.add_argument("--skip", metavar="N", help="without the newest so many")
    saving = add("save", "save the file of a completed one, without a download in the journal")
    saving.add_argument("generation", help="its id")
    saving.add_argument("file", help="where to write it")
    for action, about in (
        ("show", "show one without polling it"),
        ("complete", "complete a pending one now"),
        ("fail", "fail a pending one now"),
        ("hold", "keep one pending until it is ended by hand"),
    ):
        parser = add(action, about)
        parser.add_argument("generation", help="its id")
        if action == "fail":
            parser.add_argument("--code", help="the error's code (server_error)")
            parser.add_argument("--message", help="the error's message")


def run(arguments: argparse.Namespace) -> int:
    """Do it and print the generations."""
    asked, action = open_channel(arguments), arguments.action
    if action == "list":
        answer = asked.call("GET", "/generations", _collect_given(arguments, *_CRITERIA))
        found = answer["generations"]
        return print_answer(
            arguments, answer, map(_render_line, found) if found else ["No generations."]
        )
    path = f"/generations/{arguments.generation}"
    if action == "save":
        return _save(asked.call("GET", f"{path}/file"), Path(arguments.file))
    if action == "show":
        answer = asked.call("GET", path)
    else:
        answer = asked.call(
            "POST", f"{path}/{action}", _collect_given(arguments, "code", "message")
        )
    return print_answer(arguments, answer, [_render_line(answer)])


def _save(data: bytes, path: Path) -> int:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise GetimgMockError(f"{path} cannot be written: {error.strerror}.") from None
    sys.stdout.write(f"{path}: {len(data)} bytes\n")
    return 0


def _collect_given(arguments: argparse.Namespace, *names: str) -> dict[str, Any]:
    values = {name: getattr(arguments, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _render_line(generation: dict[str, Any]) -> str:
    error, status, ends = generation["error"], generation["status"], generation["ends_at"]
    if status == "pending":
        status += f" until {ends[:19]}Z" if ends else " until it is ended by hand or polls"
    return "  ".join(
        [
            generation["id"],
            generation["model"],
            status + (f" ({error['code']}: {error['message']})" if error else ""),
            f"{generation['total_cost']} USD",
        ]
    )
