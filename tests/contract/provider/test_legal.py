"""The checks fail no service for what the documentation leaves open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.comparison import Comparison
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from tests.contract.provider.legal import LEGAL
from tests.contract.provider.scoring import create_target, plans

if TYPE_CHECKING:
    from tests.contract.provider.legal import LegalService

pytestmark = pytest.mark.slow

_COMPARED = tuple(check for check in registry.EQUIVALENCE if check.id not in {"GE907", "GE908"})


@pytest.mark.parametrize("service", LEGAL, ids=lambda service: service.name)
def test_a_legal_service_fails_nothing(service: LegalService) -> None:
    """A failure, by a check or by comparison with the fake, is a false positive."""
    chosen = [plan for plan in plans() if plan.name.startswith(service.plans)]
    assert chosen
    target, fake = replace(create_target(service.wrap), own=False), create_target(None)
    # Each plan has a fake of its own, whose ids would repeat those of another.
    theirs = [replace(target, seed=str(n)).run(plan) for n, plan in enumerate(chosen)]
    ours = [fake.run(plan) for plan in chosen]
    assert [each.status for one in theirs for each in one] != [] != ours
    # So has each its own books, which are judged by themselves.
    found = [judge_check(check, [one], own=False) for check in PROVIDER_CHECKS for one in theirs]
    compared = Comparison(fake=tuple(ours), other=tuple(theirs))
    found += [judge_check(check, [compared]) for check in _COMPARED]
    failed = {
        each.check.id: each.findings[0].observation.actual
        for each in found
        if each.status == "FAIL" or (each.status == "WARN" and each.check in _COMPARED)
    }
    assert failed == {}
