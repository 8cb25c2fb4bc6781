"""`getimg-mock ledger`: the money of a workspace on a running fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from getimg_mock.cli.control_client import add_actions, open_channel, print_answer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_MAX_ENTRIES = 20


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `ledger` and its actions."""
    add = add_actions(commands, "ledger", "see or change a workspace's balance")
    add("show", "show balance, holds and the last movements")
    add("top-up", "add to the balance").add_argument("amount", help="in US dollars")
    add("set", "set the balance").add_argument("balance", help="in US dollars")


def run(arguments: argparse.Namespace) -> int:
    """Do it and print the books."""
    asked = open_channel(arguments)
    if arguments.action == "top-up":
        answer = asked.call("POST", "/ledger/top-up", {"amount": arguments.amount})
    elif arguments.action == "set":
        answer = asked.call("PUT", "/ledger", {"balance": arguments.balance})
    else:
        # JSON has all entries that are kept.
        answer = asked.call("GET", "/ledger", {} if arguments.json else {"last": _MAX_ENTRIES})
    return print_answer(arguments, answer, _render_lines(answer))


def _render_lines(answer: dict[str, Any]) -> Iterator[str]:
    for entry in answer["entries"][-_MAX_ENTRIES:]:
        about = entry["generation"] or ""
        yield f"{entry['at'][:19]}Z  {entry['what']:<8} {entry['amount']:>10}  {about}".rstrip()
    yield (
        f"balance {answer['balance']} USD  held {answer['held']}  "
        f"charged {answer['charged']}  credited {answer['credited']}"
    )
