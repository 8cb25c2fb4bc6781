"""`getimg-mock journal`: what happened on a running fake, and what is happening."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer, write_output
from getimg_mock.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping

    from getimg_mock.control.channels import RemoteChannel

    Action = Callable[[argparse.Namespace, RemoteChannel, dict[str, Any]], int]

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
    export.add_argument("--number", metavar="N", help="only the exchange of this number")
    export.add_argument("--output", metavar="FILE", help="where to write it (standard output)")
    count = add("count", "count exchanges")
    add("clear", "forget all exchanges")
    add("show", "show one exchange with headers and bodies").add_argument(
        "number", metavar="N", help="its number, as the list shows it"
    )
    waiting = add("wait", "wait for exchanges to come")
    waiting.add_argument("--count", metavar="N", help="how many to wait for (1)")
    waiting.add_argument("--timeout", metavar="SECONDS", help="real seconds (10)")
    for parser in (listing, tail, export, count, waiting):
        for name, about in _CRITERIA.items():
            parser.add_argument(f"--{name}", metavar=name.upper(), help=about)


def run(arguments: argparse.Namespace) -> int:
    """Run the action and print the exchanges."""
    channel = open_channel(arguments)
    criteria = {name: getattr(arguments, name, None) for name in (*_CRITERIA, "last", "number")}
    given = {name: value for name, value in criteria.items() if value is not None}
    return _ACTIONS[arguments.action](arguments, channel, given)


def _list(arguments: argparse.Namespace, channel: RemoteChannel, given: dict[str, Any]) -> int:
    path = "/journal" if arguments.json else "/journal/timeline"
    answer = channel.call("GET", path, given)
    lines = () if arguments.json else map(_render_summary, answer["exchanges"])
    return print_answer(arguments, answer, lines)


def _show(arguments: argparse.Namespace, channel: RemoteChannel, _given: dict[str, Any]) -> int:
    exchange = channel.call("GET", f"/journal/{arguments.number}")
    return print_answer(arguments, exchange, _render_exchange(exchange))


def _wait(arguments: argparse.Namespace, channel: RemoteChannel, given: dict[str, Any]) -> int:
    for name in ("count", "timeout"):
        value = getattr(arguments, name)
        given |= {} if value is None else {name: _parse_number(name, value)}
    found = channel.call("POST", "/journal/wait", given)
    return print_answer(arguments, found, [render_line(found["exchange"])])


def _tail(arguments: argparse.Namespace, channel: RemoteChannel, given: dict[str, Any]) -> int:
    for exchange in channel.stream_events("/journal/tail", given):
        print_answer(arguments, exchange, [render_line(exchange)], indent=None)
        sys.stdout.flush()
    return 0


def _export(arguments: argparse.Namespace, channel: RemoteChannel, given: dict[str, Any]) -> int:
    if arguments.format not in _FORMATS:
        raise UnknownNameError("format", arguments.format, _FORMATS)
    document = channel.call("GET", "/journal/export", given | {"format": arguments.format})
    text = document if isinstance(document, str) else json.dumps(document, indent=2) + "\n"
    return write_output(arguments.output, text)


def _count(arguments: argparse.Namespace, channel: RemoteChannel, given: dict[str, Any]) -> int:
    answer = channel.call("GET", "/journal/count", given)
    return print_answer(arguments, answer, [str(answer["count"])])


def _clear(arguments: argparse.Namespace, channel: RemoteChannel, _given: dict[str, Any]) -> int:
    return print_answer(arguments, channel.call("DELETE", "/journal"), ["The journal is empty."])


_ACTIONS: Final[Mapping[str, Action]] = {
    "list": _list,
    "show": _show,
    "wait": _wait,
    "tail": _tail,
    "export": _export,
    "count": _count,
    "clear": _clear,
}


def _parse_number(name: str, text: str) -> float:
    try:
        return int(text) if name == "count" else float(text)
    except ValueError:
        raise SettingsError(f"--{name}: {text!r} is not a number.") from None


def _render_summary(each: dict[str, Any]) -> str:
    """Return a summary on one line: what was asked, for which prompt, and what came of it."""
    parts = [
        f"#{each['number']} {each['at'][:19]}Z",
        f"{each['method']} {each['path']}",
        f"{each['status']}" + ("" if each["sent"] else " (not sent)"),
    ]
    if each["generation"] and each["generation"] not in each["path"]:
        parts.append(each["generation"])
    if each["model"]:
        parts.append(each["model"])
    if each["prompt"]:
        parts.append(json.dumps(each["prompt"], ensure_ascii=False))
    parts += _render_amounts(each)
    if each.get("unknown_fields"):
        parts.append(f"unknown fields: {', '.join(each['unknown_fields'])}")
    if each["fault"]:
        parts.append(f"fault: {each['fault']} ({', '.join(each['rules']) or 'asked for'})")
    elif each["rules"]:
        parts.append(f"rules: {', '.join(each['rules'])}")
    if each["error"]:
        parts.append(f"{each['error']['code']}: {each['error']['message']}")
    return "  ".join(parts)


def _render_amounts(each: dict[str, Any]) -> list[str]:
    return [
        f"{effect['what']} {effect['amount']}"
        for effect in each["effects"]
        if effect["amount"] is not None
    ]


def _render_exchange(exchange: dict[str, Any]) -> Iterator[str]:
    """Yield an exchange as it went over the wire, after a line of what it was."""
    request, response = exchange["request"], exchange["response"]
    yield render_line(exchange)
    yield ""
    query = f"?{request['query']}" if request["query"] else ""
    yield f"{request['method']} {request['path']}{query}"
    yield from _render_message(request)
    yield ""
    yield f"{response['status']}" + ("" if response["sent"] else " (not sent)")
    yield from _render_message(response)


def _render_message(message: dict[str, Any]) -> Iterator[str]:
    for name, value in message["headers"]:
        yield f"{name}: {value}"
    if message["size"]:
        yield ""
        yield message.get("text") or f"({message['size']} bytes that are not text)"


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
    parts += _render_amounts(exchange)
    if exchange.get("unknown_fields"):
        parts.append(f"unknown fields: {', '.join(exchange['unknown_fields'])}")
    if exchange["fault"]:
        parts.append(f"fault: {exchange['fault']} ({', '.join(exchange['rules']) or 'asked for'})")
    return "  ".join(parts)
