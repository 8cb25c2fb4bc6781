"""Each faulty client is caught by the check whose rule it breaks."""

from __future__ import annotations

import pytest

from getimg_mock.contract.clients.suite import CHECKS
from tests.contract.clients.mutants import MUTANTS
from tests.contract.clients.scoring import BLOCKERS, is_found
from tests.contract.clients.sole_killers import NO_SOLE_KILLER, SOLE_KILLERS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", range(len(MUTANTS)), ids=[each.fault for each in MUTANTS])
def test_a_fault_is_found_by_the_rule_it_breaks(number: int) -> None:
    """A check that no fault can fail holds nothing."""
    assert is_found(number)


def test_there_are_enough_faults_and_each_rule_has_one() -> None:
    """Every rule, those that guard money, data and secrets first, is tried by its own faults."""
    tried = {each.breaks for each in MUTANTS}
    assert len(MUTANTS) >= 60
    assert not BLOCKERS - tried
    assert not {each.id for each in CHECKS} - tried


def test_each_check_has_a_fault_that_it_alone_finds() -> None:
    """The table has every check once, with a fault that was written from its statement."""
    breaks = {each.fault: each.breaks for each in MUTANTS}
    assert len(breaks) == len(MUTANTS)
    assert list(SOLE_KILLERS) == [each.id for each in CHECKS if each.id not in NO_SOLE_KILLER]
    assert [breaks[fault] for fault in SOLE_KILLERS.values()] == list(SOLE_KILLERS)
