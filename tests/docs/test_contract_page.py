"""docs/contract.md: what it says of the checks is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from getimg_mock.contract.verdicts import STATUSES
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from tests.contract.provider.sole_killers import WITHOUT
from tests.docs.check_tables import EVIDENCE_WORDS

PAGE: Final = (Path(__file__).parents[2] / "docs" / "contract.md").read_text(encoding="utf-8")


def test_the_page_names_the_checks_that_find_nothing_alone() -> None:
    """And beside them the two that see all that three of them see."""
    said = PAGE.partition("except for these:")[2].partition("\n\n")[0]
    assert set(re.findall(r"GP\d{3}", said)) == {*WITHOUT, "GP101", "GP102"}


def test_every_kind_of_evidence_is_explained() -> None:
    """The table of checks uses the word, and the table of kinds says what a breach of it means."""
    table = PAGE.partition("### Evidence\n")[2].partition("\n### ")[0]
    explained = set(re.findall(r"^\| ([a-z ]+) \|", table, re.MULTILINE)) - {"evidence", "check"}
    used = {EVIDENCE_WORDS.get(each.evidence, each.evidence) for each in PROVIDER_CHECKS}
    assert used == explained


def test_every_verdict_is_explained() -> None:
    """A report uses no other word."""
    table = PAGE.partition("### Verdicts\n")[2].partition("\n### ")[0]
    assert tuple(re.findall(r"^\| ([A-Z]+) \|", table, re.MULTILINE)) == STATUSES
