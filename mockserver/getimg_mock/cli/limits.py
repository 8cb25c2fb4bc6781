"""`getimg-mock limits`: see or change the rate limits of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_LIMITS: Final = {
    "image_rpm": "image requests in one window",
    "video_rpm": "video requests in one window",
    "concurrent": "generations that are pending at the same time",
    "rate_window": "the length of a window, in seconds",
}


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `limits` and its actions."""
    add = add_actions(commands, "limits", "see or change a workspace's rate limits")
    add("show", "show the limits and what is left of the current windows")
    setting = add("set", "change the given limits")
    for name, about in _LIMITS.items():
        setting.add_argument(f"--{name.replace('_', '-')}", metavar="N", help=about)


def run(arguments: argparse.Namespace) -> int:
    """Run the action and print the limits."""
    channel = open_channel(arguments)
    if arguments.action == "set":
        given = {name: getattr(arguments, name) for name in _LIMITS}
        chosen = {name: value for name, value in given.items() if value is not None}
        answer = channel.call("PUT", "/limits", chosen)
    else:
        answer = channel.call("GET", "/limits")
    return print_answer(arguments, answer, _render_lines(answer))


def _render_lines(answer: dict[str, Any]) -> Iterator[str]:
    left = answer["remaining"]
    window = answer["rate_window"]
    yield f"images      {left['image']} of {answer['image_rpm']} left in this window of {window} s"
    yield f"videos      {left['video']} of {answer['video_rpm']} left in this window of {window} s"
    yield f"concurrent  {answer['concurrent']}"
