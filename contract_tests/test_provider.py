"""One test for each check of a provider, of the fake compared with it, and of the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from getimg_mock.contract.verification.registry import EQUIVALENCE, HARNESS, PROVIDER_CHECKS

if TYPE_CHECKING:
    from getimg_mock.contract.verdicts import Check
    from getimg_mock.contract.verification.result import Verification


def require(check: Check, verification: Verification, config: pytest.Config) -> None:
    """Fail where a check is broken; skip where it could not be judged."""
    (result,) = (each for each in verification.verdicts if each.id == check.id)
    if result.status in {"VOID", "SKIP"}:
        pytest.skip(result.reason or "nothing that was exchanged says anything about it")
    if result.status in {"FAIL", "WARN"}:
        where = config.getoption("--getimg-target")
        again = f"pytest contract_tests -k {check.id} --getimg-target={where}"
        pytest.fail(result.render(replay=again), pytrace=False)


@pytest.mark.parametrize("check", PROVIDER_CHECKS, ids=lambda check: check.id)
def test_the_provider_keeps(
    check: Check, verification: Verification, pytestconfig: pytest.Config
) -> None:
    """A check holds wherever it applies."""
    require(check, verification, pytestconfig)


@pytest.mark.parametrize("check", EQUIVALENCE, ids=lambda check: check.id)
def test_the_fake_is_like_it(
    check: Check, verification: Verification, pytestconfig: pytest.Config
) -> None:
    """The fake does as the target does, under the same plans."""
    require(check, verification, pytestconfig)


@pytest.mark.parametrize("check", HARNESS, ids=lambda check: check.id)
def test_the_harness_keeps(
    check: Check, verification: Verification, pytestconfig: pytest.Config
) -> None:
    """The rules for the harness itself hold, as far as one run tells."""
    require(check, verification, pytestconfig)
