"""`getimg-mock journal`: what happened on a running fake, and what is happening."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer, write_output
from getimg_mock.errors import UnknownNameError

if TYPE_CHECKING:
    import argparse

_CRITERIA = {
    "operation": "such as videos.create or 'videos.*'",
    "status": "the status of the answer",
    "generation": "the generation it was about",
    "since": "not before this moment of the workspace's clock",
    "until": "not after this moment of the workspace's clock",
    "after": "only exchanges with a higher number",
}
_FORMATS = ("har", "ndjson")


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `journal` and its actions."""
    add = add_actions(commands, "journal", "read a workspace's journal")
    listing = add("list", "list exchanges, oldest first")
    listing.add_argument("--last", metavar="N", help="only the newest so many")
    tail = add("tail", "print exchanges as they happen, until Ctrl-C")
    export = add("export", "write exchanges as HAR or NDJSON")
    export.add_argument("--format", default="har", metavar="|".join(_FORMATS), help="(har)")
    export.add_argument("--output", metavar="FILE", help="where to write it (standard output)")
    count = add("count", "count exchanges")
    add("clear", "forget all exchanges")
    for parser in (listing, tail, export, count):
        for name, about in _CRITERIA.items():
            parser.add_argument(f"--{name}", metavar=name.upper(), help=about)


def run(arguments: argparse.Namespace) -> int:
    """Do it and print the exchanges."""
    asked, action = open_channel(arguments), arguments.action
    criteria = {name: getattr(arguments, name, None) for name in (*_CRITERIA, "last")}
    given = {name: value for name, value in criteria.items() if value is not None}
    if action == "clear":
        return print_answer(arguments, asked.call("DELETE", "/journal"), ["The journal is empty."])
    if action == "count":
        answer = asked.call("GET", "/journal/count", given)
        return print_answer(arguments, answer, [str(answer["count"])])
    if action == "export":
        if arguments.format not in _FORMATS:
            raise UnknownNameError("format", arguments.format, _FORMATS)
        document = asked.call("GET", "/journal/export", given | {"format": arguments.format})
        text = document if isinstance(document, str) else json.dumps(document, indent=2) + "\n"
        return write_output(arguments.output, text)
    if action == "tail":
        for exchange in asked.stream_events("/journal/tail", given):
            shown = json.dumps(exchange) if arguments.json else render_line(exchange)
            sys.stdout.write(shown + "\n")
            sys.stdout.flush()
        return 0
    answer = asked.call("GET", "/journal", given)
    return print_answer(arguments, answer, [render_line(each) for each in answer["exchanges"]])


def render_line(exchange: dict[str, Any]) -> str:
    """Return an exchange on one line: number, time, what was asked, what came of it."""
    request, response = exchange["request"], exchange["response"]
    parts = [
        f"#{exchange['number']} {exchange['at'][:19]}Z",
        f"{request['method']} {request['path'][:200]}",
        f"{response['status']}" + ("" if response["sent"] else " (not sent)"),
    ]
    if exchange["generation"] and exchange["generation"] not in request["path"]:
        parts.append(exchange["generation"])
    parts += [
        f"{effect['what']} {effect['amount']}"
        for effect in exchange["effects"]
        if effect["amount"] is not None
    ]
    if exchange.get("unknown_fields"):
        parts.append(f"unknown fields: {', '.join(exchange['unknown_fields'])}")
    if exchange["fault"]:
        parts.append(f"fault: {exchange['fault']} ({', '.join(exchange['rules']) or 'asked for'})")
    return "  ".join(parts)
