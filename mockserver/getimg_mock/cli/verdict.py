"""`getimg-mock verdict`: what the client contract says of the client of a workspace so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.cli import control_client

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `verdict`."""
    parser = control_client.add_command(
        commands, "verdict", "judge the client of a workspace by the requests it sent so far"
    )
    control_client.with_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; returns 0 whatever they are: `verify client` is for CI."""
    answer = control_client.open_channel(arguments).call("GET", "/verdict")
    return control_client.print_answer(arguments, answer, _render_lines(answer))


def _render_lines(answer: dict[str, Any]) -> Iterator[str]:
    for each in answer["findings"]:
        numbers = ", ".join(f"#{number}" for number in each["exchanges"])
        yield f"{each['check']} {each['status']}  {each['statement']}"
        yield f"  expected {each['expected']}; actual: {each['actual']}  ({numbers})"
    if answer.get("reason"):
        yield answer["reason"]
    else:
        yield f"{answer['judged']} rules judged, {len(answer['findings'])} findings."
