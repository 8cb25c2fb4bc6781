"""docs/scenarios.md: it names what there is, all of it, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from getimg_mock.world.behaviours import (
    BEHAVIOUR_KEYS,
    ERRORS,
    ODDITIES,
    REPLACEMENT_FAULTS,
    RESPONSE_FAULTS,
)
from getimg_mock.world.operations import OPERATIONS
from getimg_mock.world.rule_files import RULE_KEYS, list_scenario_names

PAGE: Final = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")


def table(head: str) -> dict[str, str]:
    """Return the rows of the table with this head, by the names in their first cell."""
    _, found, rest = PAGE.partition(f"\n| {head} |\n| --- | --- |\n")
    assert found, head
    rows = [row.split("|")[1:3] for row in rest.split("\n\n")[0].splitlines()]
    return {name: said.strip() for cell, said in rows for name in re.findall(r"`(\S+)`", cell)}


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("name | what it is for", list_scenario_names()),
        ("`error` | status, code", tuple(ERRORS)),
        ("`fault` | what a client sees", REPLACEMENT_FAULTS + RESPONSE_FAULTS),
        ("`oddity` | what is odd", ODDITIES),
    ],
)
def test_a_table_lists_what_there_is(head: str, names: tuple[str, ...]) -> None:
    """Each with a word on it; what is missing would not be found."""
    found = table(head)
    assert set(found) == set(names)
    assert all(found.values())


def test_every_key_of_a_rule_is_explained() -> None:
    """In one of the three tables of criteria, frequency and behaviour."""
    tables = PAGE.partition("## Rules")[2].partition("## Errors")[0]
    first_cells = " ".join(row.split("|")[1] for row in tables.splitlines() if row.startswith("| "))
    assert set(re.findall(r"`(\w+)`", first_cells)) == set(RULE_KEYS)
    assert set(BEHAVIOUR_KEYS) <= set(RULE_KEYS)


def test_the_statuses_and_codes_of_errors_are_right() -> None:
    """As the API gives them."""
    found = table("`error` | status, code")
    for name, (status, code, _) in ERRORS.items():
        assert found[name].startswith(f"{status} `{code}`")


def test_the_faults_before_the_work_come_first() -> None:
    """The page says of the first four that nothing was done."""
    assert "The first four take the place of the answer" in PAGE
    assert set(list(table("`fault` | what a client sees"))[:4]) == set(REPLACEMENT_FAULTS)


def test_every_operation_is_named() -> None:
    """Criteria need their names."""
    assert all(f"`{each}`" in PAGE for each in OPERATIONS)
