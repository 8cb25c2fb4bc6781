"""`getimg-mock verify`: verify a provider, or a client, by the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from getimg_mock.cli import verify_api, verify_client

if TYPE_CHECKING:
    import argparse

_KINDS: Final = {"api": verify_api, "client": verify_client}


def add_command(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `verify` with what can be verified."""
    parser = commands.add_parser(
        "verify",
        help="judge a provider or a client by the contract",
        description="Judge a provider of the API, or a client of it, by the contract.",
        allow_abbrev=False,
    )
    kinds = parser.add_subparsers(title="what to judge", dest="kind", metavar="KIND", required=True)
    for kind in _KINDS.values():
        kind.add_command(kinds)


def run(arguments: argparse.Namespace) -> int:
    """Verify; returns 0 when the contract holds, 1 when it is broken."""
    status: int = _KINDS[arguments.kind].run(arguments)
    return status
