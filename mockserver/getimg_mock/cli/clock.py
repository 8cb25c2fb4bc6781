"""`getimg-mock clock`: read and move the clock of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_PATHS = {
    "advance": "/clock/advance",
    "advance-to": "/clock/advance-to",
    "next": "/clock/advance-to-next-event",
    "run-until": "/clock/run-until",
    "freeze": "/clock/freeze",
    "scale": "/clock/scale",
}
_VALUES = ("duration", "moment", "generation", "status", "rate")


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `clock` and its actions."""
    add = add_actions(commands, "clock", "read or move a workspace's clock")
    add("now", "say what time it is")
    add("advance", "move it forward by a time").add_argument(
        "duration", help="such as 90s, 10m, 1h30m or 2d"
    )
    add("advance-to", "move it forward to a moment").add_argument(
        "moment", help="such as 2026-09-01T12:00:00Z"
    )
    add("next", "move it to the next thing that happens")
    until = add("run-until", "move it until a generation has a status")
    until.add_argument("generation", help="the generation's id")
    until.add_argument("status", help="completed or failed")
    add("freeze", "stop it")
    add("scale", "let it run at a rate").add_argument(
        "rate", help="clock seconds a real second, such as 60"
    )


def run(arguments: argparse.Namespace) -> int:
    """Do it and print the time and what happened on the way."""
    asked = open_channel(arguments)
    if arguments.action == "now":
        answer = asked.call("GET", "/clock")
    else:
        values = {name: getattr(arguments, name) for name in _VALUES if hasattr(arguments, name)}
        if "rate" in values:
            values["rate"] = values["rate"].removeprefix("x")
        answer = asked.call("POST", _PATHS[arguments.action], values)
    return print_answer(arguments, answer, _render_lines(answer))


def _render_lines(answer: dict[str, Any]) -> Iterator[str]:
    for event in answer.get("events", ()):
        yield f"{event['at']}  {event['kind']}  {event['generation'] or ''}".rstrip()
    rate = answer.get("rate", 1)
    pace = "" if rate == 1 else "  frozen" if rate == 0 else f"  x{rate:g}"
    yield f"{answer['now']}{pace}"
