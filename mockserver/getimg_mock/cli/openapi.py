"""`getimg-mock openapi`: print the OpenAPI document, or hold the shipped one against it."""

from __future__ import annotations

import sys
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Final

from getimg_mock._shipped import read_text
from getimg_mock.api.openapi_document import render_openapi

if TYPE_CHECKING:
    import argparse

_MAX_LINES: Final = 20


def add_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "openapi",
        help="print the OpenAPI 3.1 document of the API",
        description="Print the OpenAPI 3.1 document, assembled from the schemas and examples.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="print nothing; fail when the shipped schemas/openapi.json is out of step",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do the command and return the exit status: 1 when `--check` finds a difference."""
    text = render_openapi()
    if not arguments.check:
        sys.stdout.write(text)
        return 0
    difference = _find_difference(text)
    if difference:
        sys.stderr.write(
            "schemas/openapi.json is out of step with the schemas and examples. Rebuild it with "
            f"`getimg-mock openapi > schemas/openapi.json`.\n{difference}"
        )
    return 1 if difference else 0


def _find_difference(assembled: str) -> str:
    """Return the first lines of how the shipped document differs, or nothing."""
    try:
        shipped = read_text("schemas", "openapi.json")
    except FileNotFoundError:
        return "There is no schemas/openapi.json.\n"
    if shipped == assembled:
        return ""
    lines = unified_diff(
        shipped.splitlines(keepends=True),
        assembled.splitlines(keepends=True),
        "schemas/openapi.json",
        "assembled",
        n=1,
    )
    return "".join(islice(lines, _MAX_LINES)) or "They differ in their line ends.\n"
