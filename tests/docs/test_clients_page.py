"""docs/clients.md: the published table is what the tests measure."""

from __future__ import annotations

import re
from pathlib import Path

from getimg_mock.contract.clients.suite import CHECKS
from tests.contract.clients.test_official_sdk import BROKEN, FORKED, LEFT_BEHIND

PAGE = Path(__file__).parents[2].joinpath("docs", "clients.md").read_text(encoding="utf-8")
ROWS = {
    row[1]: [cell.strip() for cell in row[2].split("|")]
    for row in re.finditer(
        r"^\| \**(GC\d{3})\** \|(.*(?:pass|fail|warn|skip).*)\|$", PAGE, re.MULTILINE
    )
    if row[2].count("|") == 4
}


def test_the_table_names_what_the_sdk_breaks() -> None:
    """What is said of somebody's client is what was measured."""
    broken = {name for name, cells in ROWS.items() if cells[1] in {"fail", "warn"}}
    assert broken == BROKEN | LEFT_BEHIND | FORKED


def test_the_asynchronous_column_is_measured_too() -> None:
    """The two clients differ, and the page says where."""
    assert {name for name, cells in ROWS.items() if cells[2] in {"fail", "warn"}} == BROKEN


def test_statements_are_those_of_the_checks() -> None:
    """A check's sentence stands in one place."""
    said = {check.id: check.statement for check in CHECKS}
    assert all(said[name] == cells[0] for name, cells in ROWS.items())
