"""docs/fidelity.md: each claim names its evidence, and each setting it names exists."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from getimg_mock.contract.evidence.claims import compute_mark, find_flaw
from getimg_mock.contract.evidence.evidence_file import Evidence, load_shipped_evidence
from getimg_mock.contract.verification.registry import find_check
from getimg_mock.settings import format_option_name, list_options
from tests.docs.fidelity_table import rows

PAGE = Path(__file__).parents[2].joinpath("docs", "fidelity.md").read_text(encoding="utf-8")
NAMES = {format_option_name(option.name) for option in list_options()}
CLAIMS = [tuple(row.values()) for found in rows(PAGE).values() for row in found]


@pytest.mark.parametrize(("claim", "evidence", "setting"), CLAIMS)
def test_a_claim_names_its_evidence_and_a_setting_that_exists(
    claim: str, evidence: str, setting: str
) -> None:
    """A row without evidence would pass off a choice as a fact; a dead option helps nobody."""
    assert claim
    assert evidence == "by value" or not find_flaw(evidence, load_shipped_evidence().seen)
    named = re.findall(r"`--([a-z-]+)", setting)
    assert set(named) <= NAMES
    assert named or setting == "-"


def test_every_claim_is_made_once() -> None:
    """Two rows for one claim would sooner or later differ."""
    made = [claim for claim, _, _ in CLAIMS]
    assert len(made) == len(set(made)) > 100


def test_every_setting_stands_on_the_page() -> None:
    """A setting is there because something is unknown, or ours; the page says which."""
    named = set(re.findall(r"--(?:no-)?([a-z]+(?:-[a-z]+)*)", PAGE))
    assert named >= NAMES


@pytest.mark.parametrize(
    ("check", "none", "kept", "broken"),
    [
        ("GP101", "documented", "documented, observed on 2026-09-01", "contradicted on 2026-09-01"),
        ("GP301", "inferred", "observed on 2026-09-01", "contradicted on 2026-09-01"),
        ("GP103", "inferred", "observed on 2026-09-01", "contradicted on 2026-09-01"),
        ("GP106", "our choice", "observed on 2026-09-01", "contradicted on 2026-09-01"),
    ],
)
def test_a_mark_follows_what_was_observed(check: str, none: str, kept: str, broken: str) -> None:
    """What was recorded stands above what was read, and above what was assumed."""
    day = datetime(2026, 9, 1, tzinfo=UTC)
    assert compute_mark(find_check(check), Evidence()) == none
    assert compute_mark(find_check(check), Evidence({check: day})) == kept
    assert compute_mark(find_check(check), Evidence({}, {check: (day, "another")})) == broken
