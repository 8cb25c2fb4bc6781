"""`getimg-mock store`: list and delete the workspaces that a store keeps, without a server."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from getimg_mock.errors import GetimgMockError, SettingsError
from getimg_mock.setting_values import MEMORY_STORE, read_store
from getimg_mock.store.addresses import open_rows
from getimg_mock.store.workspace_rows import read_totals
from getimg_mock.world.clock import wall_seconds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from getimg_mock.schemas import Json
    from getimg_mock.store.rows import Rows

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `store` and its actions."""
    parser = commands.add_parser(
        "store",
        help="list or delete what a store keeps",
        description="List or delete the workspaces that a store keeps; a server may be running.",
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, summary in (
        ("ls", "list the workspaces, the last used one last"),
        ("rm", "delete workspaces"),
        ("vacuum", "return free space to the system"),
    ):
        action = actions.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        action.add_argument("store", metavar="ADDRESS", help="sqlite:///PATH or redis://HOST")
        if name == "ls":
            action.add_argument("--json", action="store_true", help="print JSON")
        if name == "rm":
            action.add_argument("ids", nargs="+", metavar="ID", help="ids, as ls prints them")


def run(arguments: argparse.Namespace) -> int:
    """Run the action; returns 0."""
    address = read_store(arguments.store)
    if address == MEMORY_STORE:
        raise SettingsError("The memory store keeps nothing: name sqlite:///PATH or redis://HOST.")
    rows = open_rows(address)
    try:
        return _ACTIONS[arguments.action](rows, arguments)
    finally:
        rows.close()


def _list(rows: Rows, arguments: argparse.Namespace) -> int:
    found = _describe(rows)
    if arguments.json:
        sys.stdout.write(f"{json.dumps({'workspaces': found})}\n")
        return 0
    for each in found:
        sys.stdout.write(
            f"{each['id']}  {each['key']}  {each['generations']} generations  "
            f"{each['exchanges']} exchanges  {each['bytes']:,} bytes  "
            f"used {_format_age(each['age'])} ago\n"
        )
    if not found:
        sys.stdout.write("No workspaces.\n")
    return 0


def _describe(rows: Rows) -> list[Json]:
    now, found = wall_seconds(), []
    for head in rows.list_heads():
        generations, exchanges = read_totals(head.core)
        found.append(
            {
                "id": head.id,
                "key": head.shown_key,
                "generations": generations,
                "exchanges": exchanges,
                "bytes": rows.measure_bytes(head.number),
                "age": max(0.0, round(now - head.used, 3)),
            }
        )
    return found


def _remove(rows: Rows, arguments: argparse.Namespace) -> int:
    known = {head.id for head in rows.list_heads()}
    for each in arguments.ids:
        if each not in known:
            raise GetimgMockError(f"No workspace has the id {each[:40]!r}: see store ls.")
    rows.begin()
    try:
        for each in arguments.ids:
            rows.delete_workspace(each)
        rows.commit([])
    except BaseException:
        rows.roll_back()
        raise
    return 0


def _vacuum(rows: Rows, _arguments: argparse.Namespace) -> int:
    rows.vacuum()
    return 0


_ACTIONS: Final[dict[str, Callable[[Rows, argparse.Namespace], int]]] = {
    "ls": _list,
    "rm": _remove,
    "vacuum": _vacuum,
}


def _format_age(seconds: float) -> str:
    length, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds / length:.0f} {unit}"
