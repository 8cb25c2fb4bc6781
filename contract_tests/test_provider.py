"""One test for each check of a provider, of the fake beside it, and of the harness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from getimg_mock.contract.verdict_events import build_finding_event, build_verdict_event
from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification import registry
from getimg_mock.contract.verification.registry import PROVIDER_CHECKS
from getimg_mock.reports.console import block

if TYPE_CHECKING:
    from getimg_mock.contract.history import History
    from getimg_mock.contract.targets.fake_targets import Target
    from getimg_mock.contract.verdicts import Check
    from getimg_mock.contract.verification.comparison import Comparison
    from getimg_mock.contract.verification.self_check import SelfCheck


def holds(check: Check, seen: list[Any], request: pytest.FixtureRequest, *, own: bool) -> None:
    """Fail where a check is broken; skip where it never applies."""
    verdict = judge_check(check, seen, own=own)
    if verdict.status == "VOID":
        pytest.skip("nothing that was exchanged says anything about it")
    if verdict.status in {"FAIL", "WARN"}:
        failure = build_finding_event(check, verdict.findings[0])
        where = request.config.getoption("--getimg-target")
        again = f"pytest contract_tests -k {check.id} --getimg-target={where}"
        told = block(failure | {"verdict": build_verdict_event(verdict)}, replay=again)
        pytest.fail(told, pytrace=False)


@pytest.mark.parametrize("check", PROVIDER_CHECKS, ids=lambda check: check.id)
def test_the_provider_keeps(
    check: Check, target: Target, histories: list[History], request: pytest.FixtureRequest
) -> None:
    """A check holds wherever it applies."""
    holds(check, histories, request, own=target.own)


@pytest.mark.parametrize("check", registry.EQUIVALENCE, ids=lambda check: check.id)
def test_the_fake_is_like_it(
    check: Check, comparison: Comparison, request: pytest.FixtureRequest
) -> None:
    """The fake does as the target does, under the same plans."""
    holds(check, [comparison], request, own=True)


@pytest.mark.parametrize("check", registry.HARNESS, ids=lambda check: check.id)
def test_the_harness_keeps(
    check: Check, examination: SelfCheck, request: pytest.FixtureRequest
) -> None:
    """What the harness holds itself to, as far as one run tells."""
    holds(check, [examination], request, own=True)
