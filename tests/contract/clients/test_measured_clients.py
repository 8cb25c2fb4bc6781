"""docs/clients.md: the verdicts it tells of the official Python SDK and of plain httpx."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from getimg_mock import verify_client
from getimg_mock.contract.clients.drivers.adapters import official_sdk
from getimg_mock.contract.clients.suite import CHECKS

PAGE = Path(__file__).parents[3].joinpath("docs", "clients.md").read_text(encoding="utf-8")
COLUMNS = ("statement", "0.4.0", "0.4.0 async", "0.1.0", "plain httpx")
ROWS = {
    row["id"]: dict(zip(COLUMNS, map(str.strip, row["cells"].split("|")), strict=True))
    for row in re.finditer(r"^\| \**(?P<id>GC\d{3})\** \|(?P<cells>.*)\|$", PAGE, re.MULTILINE)
    if row["cells"].count("|") == len(COLUMNS) - 1
}
STATUSES = {"skip": "SKIP", "pass": "PASS", "fail": "FAIL", "warn": "WARN"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("client", "column", "name", "void"),
    [
        ("official-sdk", "0.4.0", "official SDK 0.4.0", set()),
        ("official-sdk-async", "0.4.0 async", "official SDK 0.4.0, async", set()),
        # It sends nothing again, so that no retry can be compared with the first try.
        ("httpx", "plain httpx", "plain httpx 0.28", {"GC417"}),
    ],
)
def test_the_published_table_is_what_is_measured(
    client: str, column: str, name: str, void: set[str]
) -> None:
    """A published statement about somebody's client is measured, not remembered."""
    assert official_sdk.VERSION == "0.4.0"
    result = verify_client(client)
    found = {each.id: each.status for each in result.verdicts}
    assert {id_ for id_, status in found.items() if status in {"FAIL", "WARN"}} <= set(ROWS)
    published = {id_: STATUSES[cells[column]] for id_, cells in ROWS.items()}
    assert {id_: found[id_] for id_ in ROWS} == published
    assert {each.id for each in result.of("VOID")} == void
    assert f"| {name} | `{result.scorecard}` |" in PAGE


def test_statements_are_those_of_the_checks() -> None:
    """A check's sentence stands in one place."""
    said = {check.id: check.statement for check in CHECKS}
    assert all(said[id_] == cells["statement"] for id_, cells in ROWS.items())
