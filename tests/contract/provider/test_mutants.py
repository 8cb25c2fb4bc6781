"""The checks find faulty providers: here a sample of them, in `make scorecard` all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.verification.registry import PROVIDER_CHECKS, find_check
from tests.contract.provider.everyone import BY_NAME, MUTANTS, sample
from tests.contract.provider.scoring import find_broken, is_found
from tests.contract.provider.sole_killers import SOLE_KILLERS, WITHOUT

if TYPE_CHECKING:
    from tests.contract.provider.mutants import Mutant

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mutant", sample(), ids=lambda mutant: mutant.name)
def test_a_faulty_provider_is_found(mutant: Mutant) -> None:
    """Every faulty provider breaks the check of the statement it was written from.

    The target is a kill rate of 95 %; so far no faulty provider survives, and none may begin to.
    GH007: a sole killer breaks nothing else.
    """
    if mutant.name in SOLE_KILLERS.values():
        assert find_broken(mutant) == (mutant.breaks,)
    else:
        assert is_found(mutant)


def test_the_sample_has_every_blocker_and_all_kinds() -> None:
    """The whole matrix takes minutes; what loses money, data or secrets is tried each time."""
    chosen = sample()
    assert {each.name for each in chosen} >= {each.name for each in MUTANTS if each.blocker}
    assert {each.kind for each in chosen} == {each.kind for each in MUTANTS}
    assert len(chosen) > len(MUTANTS) / 5
    assert (
        len({each.name for each in chosen} & set(SOLE_KILLERS.values())) > len(PROVIDER_CHECKS) / 3
    )


def test_each_check_has_a_sole_killer_or_a_reason() -> None:
    """GH007: the table has every check once, and no blocker is without a fault of its own."""
    assert sorted([*SOLE_KILLERS, *WITHOUT]) == sorted(check.id for check in PROVIDER_CHECKS)
    assert [BY_NAME[fault].breaks for fault in SOLE_KILLERS.values()] == list(SOLE_KILLERS)
    for name, reason in WITHOUT.items():
        assert reason.endswith(".")
        assert find_check(name).severity != "blocker"


def test_there_are_a_hundred_of_all_kinds() -> None:
    """At least a hundred faulty providers, of all eight kinds."""
    kinds = Counter(mutant.kind for mutant in MUTANTS)
    assert len(MUTANTS) >= 100
    assert set(kinds) == {
        "shape",
        "validation",
        "sequence",
        "money",
        "time",
        "isolation",
        "rate",
        "media",
    }
