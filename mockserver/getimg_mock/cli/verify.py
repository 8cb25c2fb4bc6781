"""`getimg-mock verify`: judge a provider, or a client, by the contract."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import argparse

# One module a kind of judgement; each has `add_command(commands)` and `run(arguments)`.
KINDS: Final = {"api": "getimg_mock.cli.verify_api", "client": "getimg_mock.cli.verify_client"}


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `verify` with what can be verified."""
    parser = commands.add_parser(
        "verify",
        help="judge a provider or a client by the contract",
        description="Judge a provider of the API, or a client of it, by the contract.",
        allow_abbrev=False,
    )
    kinds = parser.add_subparsers(title="what to judge", dest="kind", metavar="KIND", required=True)
    for module in KINDS.values():
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            continue
        found.add_command(kinds)


def run(arguments: argparse.Namespace) -> int:
    """Judge; returns 0 when all is well, 1 when the contract is broken."""
    status: int = import_module(KINDS[arguments.kind]).run(arguments)
    return status
