"""The checks find faulty providers: here a sample of them, in `make scorecard` all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.contract.everyone import MUTANTS, sample
from tests.contract.scoring import scored

if TYPE_CHECKING:
    from tests.contract.mutants import Mutant


@pytest.mark.parametrize("mutant", sample(), ids=lambda mutant: mutant.name)
def test_a_faulty_provider_is_found(mutant: Mutant) -> None:
    """Every faulty provider breaks the check of the statement it was written from.

    The target is a kill rate of 95 %; so far no faulty provider survives, and none may begin to.
    """
    score = scored(mutant)
    assert score.broken
    assert mutant.breaks in score.broken


def test_the_sample_has_every_blocker_and_all_kinds() -> None:
    """The whole matrix takes minutes; what loses money, data or secrets is tried each time."""
    chosen = sample()
    assert {each.name for each in chosen} >= {each.name for each in MUTANTS if each.blocker}
    assert {each.kind for each in chosen} == {each.kind for each in MUTANTS}
    assert len(chosen) > len(MUTANTS) / 5


def test_there_are_a_hundred_of_all_kinds() -> None:
    """At least a hundred faulty providers, of all eight kinds."""
    kinds = Counter(mutant.kind for mutant in MUTANTS)
    assert len(MUTANTS) >= 100
    assert set(kinds) == {
        "shape", "validation", "sequence", "money", "time", "isolation", "rate", "media",
    }  # fmt: skip
