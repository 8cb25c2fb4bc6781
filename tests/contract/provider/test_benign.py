"""The checks leave every legal variant alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from tests.contract.provider.benign import BENIGN, combinations
from tests.contract.provider.scoring import run_fake, score, verdicts

if TYPE_CHECKING:
    from tests.contract.provider.benign import Variant

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("variant", combinations(), ids=lambda variant: variant.name)
def test_legal_variants_break_no_must(variant: Variant) -> None:
    """A MUST that a legal service breaks is a false positive, an assumption or not.

    A provider has several variants at once; the scorecard runs each alone.
    """
    assert not score(variant.name, variant.wrap, variant.settings).must


def test_a_legal_variant_is_put_to_every_check() -> None:
    """GH007: a check that only the fake itself was put to may be about nothing but the fake."""
    variant = next(each for each in BENIGN if each.name == "unknown fields everywhere")
    found = score(variant.name, variant.wrap, variant.settings)
    assert found.kept == {check.id for check in PROVIDER_CHECKS}


def test_there_are_thirty_of_them() -> None:
    """At least thirty legal variants."""
    assert len({variant.name for variant in BENIGN}) >= 30


def test_the_fake_keeps_every_check_at_every_level() -> None:
    """The fake passes the whole contract: there is no list of exceptions."""
    found = verdicts(list(run_fake()))
    assert {each.check.id: each.status for each in found if each.broken} == {}
    assert {each.check.id for each in found if each.status == "VOID"} == set()
    assert len(found) == len(PROVIDER_CHECKS)
