"""`getimg-mock workspaces`: list the workspaces of a running fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.cli import control_client

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `workspaces`."""
    parser = control_client.add_command(
        commands, "workspaces", "list the workspaces of all keys, the last used one first"
    )
    control_client.with_connection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the workspaces; no key is needed."""
    answer = control_client.open_channel(arguments, keyless=True).call("GET", "/workspaces")
    return control_client.print_answer(arguments, answer, _render_lines(answer))


def _render_lines(answer: dict[str, Any]) -> Iterator[str]:
    for each in answer["workspaces"]:
        made = each["generations"]
        counts = ", ".join(f"{count} {status}" for status, count in made.items() if count)
        yield "  ".join(
            (
                each["key"],
                f"{each['now'][:19]}Z",
                f"{each['balance']} USD",
                counts or "no generations",
                f"{each['exchanges']} exchanges",
            )
        )
    if not answer["workspaces"]:
        yield "No workspaces: no request with a valid key has come yet."
    if answer["unassigned"]:
        yield f"{len(answer['unassigned'])} requests with invalid keys or to unknown paths:"
    for each in answer["unassigned"]:
        error = each["error"]
        said = f" {error['code']}: {error['message']}" if error else ""
        yield f"  {each['method']} {each['path']}  {each['status']}{said}"
